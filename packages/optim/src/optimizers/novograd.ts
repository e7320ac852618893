import { Chain, chain, type Recipe } from '../chain.ts'
import type { ParametersInput } from '../optimizer.ts'
import { type ClimbOptions, climb } from '../transforms/climb.ts'
import {
  type LearningRateOptions,
  scaleByLearningRate,
} from '../transforms/scale-by-learning-rate.ts'
import { type ScaleByNovoGradOptions, scaleByNovoGrad } from '../transforms/scale-by-novograd.ts'

/** γ `lr` 1e-2, β `betas` [0.95, 0.98], ε `eps` 1e-8, λ `weightDecay` 0. */
export interface NovoGradOptions
  extends ClimbOptions,
    ScaleByNovoGradOptions,
    LearningRateOptions {}

const novograd: Recipe<NovoGradOptions> = chain(
  'NovoGrad',
  [climb, scaleByNovoGrad, scaleByLearningRate],
  { lr: 1e-2 },
)

/**
 * NovoGrad: gradients divided by the norm of their layer, then momentum. Its second moment is one number
 * for each parameter.
 *
 * ```text
 * v ← β₂v + (1 - β₂)‖g‖²            v ← ‖g‖² on the first step
 * m ← β₁m + g/(√v + ε) + λp
 * p ← p - γm
 * ```
 *
 * with γ = `lr`, β = `betas`, ε = `eps`, λ = `weightDecay`.
 *
 * @example
 * ```ts
 * const optimizer = new NovoGrad(model.parameters(), { lr: 0.01, weightDecay: 1e-3 })
 * ```
 *
 * Source: B. Ginsburg et al., "Stochastic Gradient Methods with Layer-wise Adaptive Moments for Training
 * of Deep Networks", arXiv 1905.11286.
 */
export class NovoGrad extends Chain<NovoGradOptions> {
  constructor(params: ParametersInput<NovoGradOptions>, options: Partial<NovoGradOptions> = {}) {
    super(params, novograd, options)
  }
}
