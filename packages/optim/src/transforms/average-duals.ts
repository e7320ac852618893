import { nonNegative, rate } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface AverageDualsOptions {
  /** Learning rate γ. Default 1e-2. */
  lr: number
  /** μ, how much of the last iterate stays, in [0, 1). Default 0.9. */
  momentum: number
  /** ε, added to the cube root. Default 1e-6. */
  eps: number
}

/**
 * ```text
 * λ = γ√t
 * s ← s + λu
 * v ← v + λu²
 * p ← μp + (1 - μ)(p₀ - s/(∛v + ε))
 * ```
 *
 * The last link of a chain; the learning rate is inside.
 */
export const averageDuals: Transform<AverageDualsOptions> = transform({
  name: 'averageDuals',
  defaults: { lr: 1e-2, momentum: 0.9, eps: 1e-6 } as AverageDualsOptions,
  ranges: [nonNegative('lr'), rate('momentum'), nonNegative('eps')],
  slots: () => ({ grad_sum: 0, grad_sum_sq: 0, x0: 'parameter' }),
  numbers: ({ lr, momentum, eps }, t) => ({ weight: lr * Math.sqrt(t), gain: 1 - momentum, eps }),
  update: (u, { p, x0, ...x }, { weight, gain, eps }) => {
    const s = x.grad_sum.add(u.mul(weight))
    const v = x.grad_sum_sq.add(u.mul(u).mul(weight))
    const z = x0.sub(s.div(v.pow(1 / 3).add(eps)))
    return { u: p.sub(z).mul(gain), grad_sum: s, grad_sum_sq: v }
  },
})
