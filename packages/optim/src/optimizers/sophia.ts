import { ArgumentError, noGrad, type Tensor } from '@nablajs/tensor'
import { program, updateInPlace } from '@nablajs/tensor/program'
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
import { type ScaleBySophiaOptions, scaleBySophia } from '../transforms/scale-by-sophia.ts'

/** γ `lr` 1e-4, β `betas` [0.965, 0.99], ρ `rho` 0.04, ε `eps` 1e-15, λ `weightDecay` 0.1. */
export interface SophiaOptions
  extends LearningRateOptions,
    ScaleBySophiaOptions,
    AddDecayedWeightsOptions,
    ClimbOptions {}

const sophia: Recipe<SophiaOptions> = chain(
  'Sophia',
  [climb, scaleBySophia, addDecayedWeights, scaleByLearningRate],
  { lr: 1e-4, weightDecay: 0.1 },
)

/**
 * Sophia: momentum divided by an estimate of the Hessian's diagonal that is renewed now and then, and
 * clipped, so that no element moves by more than the learning rate.
 *
 * ```text
 * m ← β₁m + (1 - β₁)g
 * p ← p - γ(sign(m) min(|m|/(ρh + ε), 1) + λp)
 * h ← β₂h + (1 - β₂)B ĝ²                        in updateHessian
 * ```
 *
 * with γ = `lr`, β = `betas`, ρ = `rho`, ε = `eps`, λ = `weightDecay`. Call
 * {@link Sophia.updateHessian} every ten steps or so. Until the first time h is 0 and all steps are
 * clipped: those of a sign descent.
 *
 * @example
 * ```ts
 * if (i % 10 === 0)
 *   optimizer.updateHessian(() => crossEntropy(logits(batch), sampled(batch)), batchSize)
 * optimizer.step(() => loss(batch))
 * ```
 *
 * Source: H. Liu et al., "Sophia: A Scalable Stochastic Second-order Optimizer for Language Model
 * Pre-training", arXiv 2305.14342 (the Gauss-Newton-Bartlett estimator).
 */
export class Sophia extends Chain<SophiaOptions> {
  constructor(params: ParametersInput<SophiaOptions>, options: Partial<SophiaOptions> = {}) {
    super(params, sophia, options)
  }

  /**
   * Takes another look at the curvature; the gradients are forgotten afterwards.
   *
   * @param closure The mean loss of a batch with labels drawn from the model's own predictions.
   * @param batchSize B, over how many the mean is.
   * @throws ArgumentError when it is not a number > 0.
   */
  updateHessian(closure: () => Tensor, batchSize: number): void {
    if (!(batchSize > 0))
      throw new ArgumentError(`Sophia: batchSize is ${batchSize}; it must be > 0`)
    this.evaluate(closure).dispose()
    noGrad(() => {
      for (const group of this.paramGroups)
        for (const parameter of group.params) {
          const { grad, dtype } = parameter
          if (!grad) continue
          const { hessian } = this.stateOf(parameter, group).slots as { hessian: Tensor }
          const [, beta2] = group.betas
          const average = program(
            { name: 'Sophia', inputs: [dtype, dtype], scalars: [dtype, dtype] },
            (h, g, keep, gain) => h!.mul(keep!).add(g!.mul(g!).mul(gain!)),
          )
          updateInPlace(average, [hessian, grad], [hessian], [beta2, (1 - beta2) * batchSize])
        }
    })
    this.zeroGrad()
  }
}
