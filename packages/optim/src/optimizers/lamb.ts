import { Chain, chain, type Recipe } from '../chain.ts'
import type { ParametersInput } from '../optimizer.ts'
import {
  type AddDecayedWeightsOptions,
  addDecayedWeights,
} from '../transforms/add-decayed-weights.ts'
import { type ClimbOptions, climb } from '../transforms/climb.ts'
import { type ScaleByAdamOptions, scaleByAdam } from '../transforms/scale-by-adam.ts'
import {
  type LearningRateOptions,
  scaleByLearningRate,
} from '../transforms/scale-by-learning-rate.ts'
import { scaleByTrustRatio } from '../transforms/scale-by-trust-ratio.ts'

/** γ `lr` 1e-3, β `betas` [0.9, 0.999], ε `eps` 1e-6, λ `weightDecay` 0. */
export interface LAMBOptions
  extends ClimbOptions,
    ScaleByAdamOptions,
    AddDecayedWeightsOptions,
    LearningRateOptions {}

const lamb: Recipe<LAMBOptions> = chain(
  'LAMB',
  [climb, scaleByAdam, addDecayedWeights, scaleByTrustRatio, scaleByLearningRate],
  { eps: 1e-6 },
)

/**
 * LAMB: AdamW whose step has, for each layer, the length of the layer. For very large batches.
 *
 * ```text
 * m ← β₁m + (1 - β₁)g
 * v ← β₂v + (1 - β₂)g²
 * u = m/(1 - β₁ᵗ) / (√(v/(1 - β₂ᵗ)) + ε) + λp
 * p ← p - γ ‖p‖/‖u‖ u        the ratio is 1 where a norm is 0
 * ```
 *
 * with γ = `lr`, β = `betas`, ε = `eps`, λ = `weightDecay`, and norms over each parameter.
 *
 * @example
 * ```ts
 * const optimizer = new LAMB(model.parameters(), { lr: 2e-3, weightDecay: 0.01 })
 * ```
 *
 * Source: Y. You et al., "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes",
 * arXiv 1904.00962.
 */
export class LAMB extends Chain<LAMBOptions> {
  constructor(params: ParametersInput<LAMBOptions>, options: Partial<LAMBOptions> = {}) {
    super(params, lamb, options)
  }
}
