import { Chain, chain, type Recipe } from '../chain.ts'
import type { ParametersInput } from '../optimizer.ts'
import { when } from '../transform.ts'
import {
  type AddDecayedWeightsOptions,
  addDecayedWeights,
} from '../transforms/add-decayed-weights.ts'
import { type ClimbOptions, climb } from '../transforms/climb.ts'
import {
  type LearningRateOptions,
  scaleByLearningRate,
} from '../transforms/scale-by-learning-rate.ts'
import { average, type FormOptions, trace } from '../transforms/trace.ts'

/** γ `lr` 1e-3, μ `momentum` 0, τ `dampening` 0, `nesterov`, `form`, `biasCorrection`, λ `weightDecay` 0. */
export interface SGDOptions
  extends LearningRateOptions,
    FormOptions,
    AddDecayedWeightsOptions,
    ClimbOptions {}

const form = { form: 'torch' } as Pick<FormOptions, 'form'>
const outside = when(form, (options) => options.form === 'torch', trace)
const inside = when(form, (options) => options.form === 'sutskever', trace)

const sgd: Recipe<SGDOptions> = chain('SGD', [
  climb,
  addDecayedWeights,
  outside,
  average,
  scaleByLearningRate,
  inside,
])

/**
 * Stochastic gradient descent, with momentum and Nesterov's variant.
 *
 * ```text
 * d ← g + λp
 * form 'torch':      b ← μb + (1 - τ)d      (b ← d on the first step)
 *                    p ← p - γb             Nesterov: p ← p - γ(d + μb)
 * form 'ema':        b ← μb + (1 - μ)d
 *                    p ← p - γb             Nesterov: p ← p - γ(μb + (1 - μ)d)
 * form 'sutskever':  b ← μb + γd
 *                    p ← p - b              Nesterov: p ← p - (γd + μb)
 * ```
 *
 * with γ = `lr`, μ = `momentum`, τ = `dampening`, λ = `weightDecay`. In the form `'ema'`, a running
 * average, the step is divided by 1 - μᵗ with `biasCorrection`; its path is that of `'torch'` with a
 * rate of (1 - μ)γ. In the form `'sutskever'`, also Caffe's and AlexNet's, the rate is inside of the
 * velocity: the same path as `'torch'` while γ stays, another one under a schedule.
 *
 * @example
 * ```ts
 * const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9, nesterov: true })
 * ```
 *
 * Sources: B. Polyak, "Some methods of speeding up the convergence of iteration methods" (1964);
 * Yu. Nesterov (1983); I. Sutskever et al., "On the importance of initialization and momentum in
 * deep learning" (2013).
 */
export class SGD extends Chain<SGDOptions> {
  constructor(params: ParametersInput<SGDOptions>, options: Partial<SGDOptions> = {}) {
    super(params, sgd, options)
  }
}
