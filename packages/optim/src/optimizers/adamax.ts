import { Chain, chain, type Recipe } from '../chain.ts'
import type { ParametersInput } from '../optimizer.ts'
import {
  type AddDecayedWeightsOptions,
  addDecayedWeights,
} from '../transforms/add-decayed-weights.ts'
import { type ClimbOptions, climb } from '../transforms/climb.ts'
import { type ScaleByAdamaxOptions, scaleByAdamax } from '../transforms/scale-by-adamax.ts'
import {
  type LearningRateOptions,
  scaleByLearningRate,
} from '../transforms/scale-by-learning-rate.ts'

/** γ `lr` 2e-3, β `betas` [0.9, 0.999], ε `eps` 1e-8, λ `weightDecay` 0. */
export interface AdamaxOptions
  extends ClimbOptions,
    AddDecayedWeightsOptions,
    ScaleByAdamaxOptions,
    LearningRateOptions {}

const adamax: Recipe<AdamaxOptions> = chain(
  'Adamax',
  [climb, addDecayedWeights, scaleByAdamax, scaleByLearningRate],
  { lr: 2e-3 },
)

/**
 * Adamax: Adam with the largest gradient of late in place of the root mean square.
 *
 * ```text
 * g ← g + λp
 * m ← β₁m + (1 - β₁)g
 * w ← max(β₂w, |g| + ε)
 * p ← p - γ · m/(1 - β₁ᵗ) / w
 * ```
 *
 * with γ = `lr`, β = `betas`, ε = `eps`, λ = `weightDecay`.
 *
 * @example
 * ```ts
 * const optimizer = new Adamax(model.parameters())
 * ```
 *
 * Source: D. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", arXiv 1412.6980, section 7.
 */
export class Adamax extends Chain<AdamaxOptions> {
  constructor(params: ParametersInput<AdamaxOptions>, options: Partial<AdamaxOptions> = {}) {
    super(params, adamax, options)
  }
}
