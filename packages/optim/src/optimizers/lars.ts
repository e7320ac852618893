import { Chain, chain, type Recipe } from '../chain.ts'
import type { ParametersInput } from '../optimizer.ts'
import { type ClimbOptions, climb } from '../transforms/climb.ts'
import {
  type ScaleByLayerwiseRateOptions,
  scaleByLayerwiseRate,
} from '../transforms/scale-by-layerwise-rate.ts'
import {
  type LearningRateOptions,
  scaleByLearningRate,
} from '../transforms/scale-by-learning-rate.ts'
import { type TraceOptions, trace } from '../transforms/trace.ts'

/** γ `lr` 1, η `trustCoefficient` 1e-3, μ `momentum` 0.9, λ `weightDecay` 0, ε `eps` 0. */
export interface LARSOptions
  extends ClimbOptions,
    ScaleByLayerwiseRateOptions,
    LearningRateOptions,
    TraceOptions {}

const lars: Recipe<LARSOptions> = chain(
  'LARS',
  [climb, scaleByLayerwiseRate, scaleByLearningRate, trace],
  { lr: 1, momentum: 0.9 },
)

/**
 * LARS: SGD with a rate of its own for each layer, from the size of its weights and gradients. For very
 * large batches.
 *
 * ```text
 * η' = η‖p‖ / (‖g‖ + λ‖p‖ + ε)      1 where a norm is 0
 * b ← μb + γη'(g + λp)
 * p ← p - b                         Nesterov: p ← p - (γη'(g + λp) + μb)
 * ```
 *
 * with γ = `lr`, η = `trustCoefficient`, μ = `momentum`, λ = `weightDecay`, ε = `eps`, and norms over
 * each parameter. Biases and norms are usually given to SGD instead.
 *
 * @example
 * ```ts
 * const optimizer = new LARS(model.parameters(), { lr: 10, weightDecay: 1e-4 })
 * ```
 *
 * Source: Y. You, I. Gitman and B. Ginsburg, "Large Batch Training of Convolutional Networks", arXiv
 * 1708.03888.
 */
export class LARS extends Chain<LARSOptions> {
  constructor(params: ParametersInput<LARSOptions>, options: Partial<LARSOptions> = {}) {
    super(params, lars, options)
  }
}
