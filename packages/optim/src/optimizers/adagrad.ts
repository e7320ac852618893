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
import { type ScaleByRssOptions, scaleByRss } from '../transforms/scale-by-rss.ts'

/** γ `lr` 1e-2, η `lrDecay` 0, `initialAccumulatorValue` 0, ε `eps` 1e-10, λ `weightDecay` 0. */
export interface AdagradOptions
  extends ClimbOptions,
    AddDecayedWeightsOptions,
    ScaleByRssOptions,
    LearningRateOptions {}

const adagrad: Recipe<AdagradOptions> = chain(
  'Adagrad',
  [climb, addDecayedWeights, scaleByRss, scaleByLearningRate],
  { lr: 1e-2 },
)

/**
 * Adagrad: each element's rate falls with the squares it has seen. Made for sparse gradients; on long
 * runs the steps become too small, which is what Adadelta and RMSprop answer.
 *
 * ```text
 * g ← g + λp
 * s ← s + g²
 * p ← p - γ/(1 + (t - 1)η) · g / (√s + ε)
 * ```
 *
 * with γ = `lr`, η = `lrDecay`, ε = `eps` (outside of the root), λ = `weightDecay`, and s starting at
 * `initialAccumulatorValue`. TensorFlow starts at 0.1.
 *
 * @example
 * ```ts
 * const optimizer = new Adagrad(model.parameters(), { lr: 0.05 })
 * ```
 *
 * Source: J. Duchi, E. Hazan and Y. Singer, "Adaptive Subgradient Methods for Online Learning and
 * Stochastic Optimization", JMLR 12 (2011).
 */
export class Adagrad extends Chain<AdagradOptions> {
  constructor(params: ParametersInput<AdagradOptions>, options: Partial<AdagradOptions> = {}) {
    super(params, adagrad, options)
  }
}
