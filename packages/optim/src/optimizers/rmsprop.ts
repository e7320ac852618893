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
import { type ScaleByRmsOptions, scaleByRms } from '../transforms/scale-by-rms.ts'
import { type TraceOptions, trace } from '../transforms/trace.ts'

/** γ `lr` 1e-2, α `alpha` 0.99, ε `eps` 1e-8, ε̄ `epsRoot` 0, `centered`, μ `momentum` 0, λ `weightDecay` 0. */
export interface RMSpropOptions
  extends ClimbOptions,
    AddDecayedWeightsOptions,
    ScaleByRmsOptions,
    TraceOptions,
    LearningRateOptions {}

const rmsprop: Recipe<RMSpropOptions> = chain(
  'RMSprop',
  [climb, addDecayedWeights, scaleByRms, trace, scaleByLearningRate],
  { lr: 1e-2 },
)

/**
 * RMSprop: steps divided by the root of a running average of squares.
 *
 * ```text
 * g ← g + λp
 * s ← αs + (1 - α)g²
 * a ← αa + (1 - α)g                centered: s - a² takes the place of s below
 * d ← g / (√(s + ε̄) + ε)
 * b ← μb + d                       only with μ > 0; otherwise d takes the place of b
 * p ← p - γb
 * ```
 *
 * with γ = `lr`, α = `alpha`, ε = `eps` (outside of the root), ε̄ = `epsRoot` (inside of it), μ =
 * `momentum`, λ = `weightDecay`; `dampening` and `nesterov` shape b as in `SGD`. TensorFlow's has `{ alpha:
 * 0.9, eps: 0, epsRoot: 1e-10, initialAccumulatorValue: 1 }`, and its γ is inside of b, which is another
 * path only while γ changes; PyTorch's is the default here.
 *
 * @example
 * ```ts
 * const optimizer = new RMSprop(model.parameters(), { lr: 1e-3, alpha: 0.9 })
 * ```
 *
 * Sources: T. Tieleman and G. Hinton, "Lecture 6.5: rmsprop", Coursera (2012); A. Graves, "Generating
 * Sequences With Recurrent Neural Networks", arXiv 1308.0850 (centered).
 */
export class RMSprop extends Chain<RMSpropOptions> {
  constructor(params: ParametersInput<RMSpropOptions>, options: Partial<RMSpropOptions> = {}) {
    super(params, rmsprop, options)
  }
}
