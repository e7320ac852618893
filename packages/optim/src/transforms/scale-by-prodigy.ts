import { select } from '@nablajs/tensor/program'
import { nonNegative, positive, rates } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ScaleByProdigyOptions {
  /** γ, a factor on the rate that is found. Default 1. */
  lr: number
  /** β₁ and β₂, the decay rates of the two averages, in [0, 1). Default [0.9, 0.999]. */
  betas: readonly [number, number]
  /** ε, added to the root. Default 1e-8. */
  eps: number
  /** d₀, the first estimate of the distance; smaller than the real one. Default 1e-6. */
  d0: number
  /** λ, decoupled. Default 0. */
  weightDecay: number
}

/**
 * ```text
 * m ← β₁m + (1 - β₁)du
 * v ← β₂v + (1 - β₂)d²u²
 * r ← √β₂ r + (1 - √β₂)γd² Σ u(p₀ - p)
 * s ← √β₂ s + (1 - √β₂)γd² u
 * u ← d(m / (√v + dε) + λp)
 * d ← max(d, r / Σ|s|)                       for the next step
 * ```
 *
 * with sums over all elements of all parameters. Two reductions and one kernel of a few numbers more
 * for each parameter; each keeps a copy of d and r.
 */
export const scaleByProdigy: Transform<ScaleByProdigyOptions> = transform({
  name: 'scaleByProdigy',
  defaults: {
    lr: 1,
    betas: [0.9, 0.999],
    eps: 1e-8,
    d0: 1e-6,
    weightDecay: 0,
  } as ScaleByProdigyOptions,
  ranges: [
    nonNegative('lr'),
    rates(),
    nonNegative('eps'),
    positive('d0'),
    nonNegative('weightDecay'),
  ],
  slots: () => ({ exp_avg: 0, exp_avg_sq: 0, s: 0, p0: 'parameter' }),
  scalars: ({ d0 }) => ({ d: d0, last_d: d0, d_numerator: 0 }),
  numbers: ({ lr, betas: [beta1, beta2], eps, weightDecay: decay }) => ({
    lr,
    beta1,
    gain1: 1 - beta1,
    beta2,
    gain2: 1 - beta2,
    beta3: Math.sqrt(beta2),
    gain3: lr * (1 - Math.sqrt(beta2)),
    eps,
    decay,
  }),
  over: 'all',
  sums: (u, { p, p0, s, d }, { beta3, gain3 }) => ({
    inner: u.mul(p0.sub(p)),
    size: s.mul(beta3).add(u.mul(d).mul(d).mul(gain3)).abs(),
  }),
  settle: ({ d, d_numerator: last }, { beta3, gain3, inner, size }) => {
    const numerator = last.mul(beta3).add(d.mul(d).mul(gain3).mul(inner))
    // Without any gradient so far there is nothing to estimate from.
    const found = select(size.gt(0), numerator.div(size), 0)
    return { d: d.max(found), last_d: d, d_numerator: numerator }
  },
  update: (u, x, { beta1, gain1, beta2, gain2, beta3, gain3, eps, decay }) => {
    const d = x.last_d
    const own = u.mul(d)
    const m = x.exp_avg.mul(beta1).add(own.mul(gain1))
    const v = x.exp_avg_sq.mul(beta2).add(own.mul(own).mul(gain2))
    return {
      u: m
        .div(v.sqrt().add(d.mul(eps)))
        .add(x.p.mul(decay))
        .mul(d),
      exp_avg: m,
      exp_avg_sq: v,
      s: x.s.mul(beta3).add(own.mul(d).mul(gain3)),
    }
  },
})
