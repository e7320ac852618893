import { Chain, chain, type Recipe } from '../chain.ts'
import type { ParametersInput } from '../optimizer.ts'
import {
  type AddDecayedWeightsOptions,
  addDecayedWeights,
} from '../transforms/add-decayed-weights.ts'
import { type ClimbOptions, climb } from '../transforms/climb.ts'
import {
  type LearningRateOptions,
  scaleByLearningRate,
} from '../transforms/scale-by-learning-rate.ts'
import { type ScaleByYogiOptions, scaleByYogi } from '../transforms/scale-by-yogi.ts'

/** γ `lr` 1e-2, β `betas` [0.9, 0.999], ε `eps` 1e-3, `initialAccumulatorValue` 1e-6, λ `weightDecay` 0. */
export interface YogiOptions
  extends ClimbOptions,
    AddDecayedWeightsOptions,
    ScaleByYogiOptions,
    LearningRateOptions {}

const yogi: Recipe<YogiOptions> = chain(
  'Yogi',
  [climb, addDecayedWeights, scaleByYogi, scaleByLearningRate],
  { lr: 1e-2 },
)

/**
 * Yogi: Adam whose second moment changes by a bounded amount, so the rate does not jump up after a few
 * small gradients.
 *
 * ```text
 * g ← g + λp
 * m ← β₁m + (1 - β₁)g
 * v ← v - (1 - β₂) sign(v - g²) g²
 * p ← p - γ m / (√v + ε)
 * ```
 *
 * with γ = `lr`, β = `betas`, ε = `eps`, λ = `weightDecay`; m and v start at `initialAccumulatorValue`.
 * There is no bias correction, as in the paper.
 *
 * @example
 * ```ts
 * const optimizer = new Yogi(model.parameters(), { lr: 1e-2 })
 * ```
 *
 * Source: M. Zaheer et al., "Adaptive Methods for Nonconvex Optimization", NeurIPS (2018).
 */
export class Yogi extends Chain<YogiOptions> {
  constructor(params: ParametersInput<YogiOptions>, options: Partial<YogiOptions> = {}) {
    super(params, yogi, options)
  }
}
