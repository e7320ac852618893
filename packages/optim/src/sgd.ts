import { Optimizer, type ParametersInput } from './optimizer.ts'
import { type CommonOptions, commonRanges, type Rule } from './rule.ts'

export interface SGDOptions extends CommonOptions {
  /** Learning rate γ. Default 1e-3. */
  lr: number
  /** μ, how much of the last velocity stays, in [0, ...). Default 0: no velocity is kept. */
  momentum: number
  /** τ, how much of the gradient is held back from the velocity (not on the first step). Default 0. */
  dampening: number
  /** Step along the velocity's look-ahead. Needs momentum > 0 and dampening 0. Default false. */
  nesterov: boolean
  /** λ, the L2 penalty: λp is added to the gradient. Default 0. */
  weightDecay: number
  /** Climb instead of descend. Default false. */
  maximize: boolean
}

interface Structure {
  readonly momentum: boolean
  readonly nesterov: boolean
  readonly decay: boolean
  readonly maximize: boolean
}

type Numbers = 'lr' | 'momentum' | 'gain' | 'decay'

const sgd: Rule<SGDOptions, 'momentum_buffer', Numbers, Structure> = {
  name: 'SGD',
  defaults: {
    lr: 1e-3,
    momentum: 0,
    dampening: 0,
    nesterov: false,
    weightDecay: 0,
    maximize: false,
  },
  ranges: [
    ...commonRanges<SGDOptions>(),
    { option: 'momentum', says: '>= 0', holds: ({ momentum }) => momentum >= 0 },
    {
      option: 'nesterov',
      says: 'false unless momentum > 0 and dampening is 0',
      holds: ({ nesterov, momentum, dampening }) => !nesterov || (momentum > 0 && dampening === 0),
    },
  ],
  structure: ({ momentum, nesterov, weightDecay, maximize }) => ({
    momentum: momentum !== 0,
    nesterov,
    decay: weightDecay !== 0,
    maximize,
  }),
  slots: ({ momentum }) => (momentum ? ['momentum_buffer'] : []),
  numbers: ({ lr, momentum, dampening, weightDecay }, t) => ({
    lr,
    momentum,
    // The velocity starts as the whole first gradient.
    gain: t === 1 ? 1 : 1 - dampening,
    decay: weightDecay,
  }),
  update: ({ p, g, momentum_buffer: b }, { lr, momentum, gain, decay }, structure) => {
    const climb = structure.maximize ? g.neg() : g
    const d = structure.decay ? climb.add(p.mul(decay)) : climb
    if (!structure.momentum) return { p: p.sub(lr.mul(d)) }
    const velocity = b.mul(momentum).add(d.mul(gain))
    const direction = structure.nesterov ? d.add(velocity.mul(momentum)) : velocity
    return { p: p.sub(lr.mul(direction)), momentum_buffer: velocity }
  },
}

/**
 * Stochastic gradient descent, with momentum and Nesterov's variant.
 *
 * ```text
 * d ← g + λp
 * b ← μb + (1 - τ)d          (b ← d on the first step)
 * p ← p - γb                  Nesterov: p ← p - γ(d + μb)
 * ```
 *
 * with γ = `lr`, μ = `momentum`, τ = `dampening`, λ = `weightDecay`. This is PyTorch's form: the
 * learning rate multiplies the velocity, it is not part of it.
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
export class SGD extends Optimizer<SGDOptions> {
  constructor(params: ParametersInput<SGDOptions>, options: Partial<SGDOptions> = {}) {
    super(sgd, params, options)
  }
}
