import { Chain, chain, type Recipe } from '../chain.ts'
import type { ParametersInput } from '../optimizer.ts'
import {
  type AddDecayedWeightsOptions,
  addDecayedWeights,
} from '../transforms/add-decayed-weights.ts'
import { type CautiousOptions, cautious } from '../transforms/cautious.ts'
import { type ClimbOptions, climb } from '../transforms/climb.ts'
import { type ScaleByAdamOptions, scaleByAdam } from '../transforms/scale-by-adam.ts'
import {
  type LearningRateOptions,
  scaleByLearningRate,
} from '../transforms/scale-by-learning-rate.ts'

/**
 * γ `lr` 1e-3, β `betas` [0.9, 0.999], ε `eps` 1e-8, ε̄ `epsRoot` 0, `amsgrad`, λ `weightDecay` 0.01, `cautious`
 * false.
 */
export interface AdamWOptions
  extends LearningRateOptions,
    ScaleByAdamOptions,
    AddDecayedWeightsOptions,
    CautiousOptions,
    ClimbOptions {}

const adamw: Recipe<AdamWOptions> = chain(
  'AdamW',
  [climb, scaleByAdam, cautious, addDecayedWeights, scaleByLearningRate],
  { weightDecay: 0.01, cautious: false },
)

/**
 * Adam with decoupled weight decay: p is shrunk by the current learning rate times λ, and the
 * averages never see the decay.
 *
 * ```text
 * m ← β₁m + (1 - β₁)g
 * v ← β₂v + (1 - β₂)g²
 * p ← p - γ(m/(1 - β₁ᵗ) / (√(v/(1 - β₂ᵗ) + ε̄) + ε) + λp)
 * ```
 *
 * Options and symbols as for `Adam`; λ = `weightDecay` is 0.01 by default. With `cautious` it is C-AdamW:
 * elements whose step goes against the gradient at hand stay, see {@link cautious}.
 *
 * @example
 * ```ts
 * const optimizer = new AdamW(model.parameters(), { lr: 1e-3, weightDecay: 0.05 })
 * ```
 *
 * Source: I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", arXiv 1711.05101.
 */
export class AdamW extends Chain<AdamWOptions> {
  constructor(params: ParametersInput<AdamWOptions>, options: Partial<AdamWOptions> = {}) {
    super(params, adamw, options)
  }
}
