import { nonNegative, rates } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ScaleByNovoGradOptions {
  /** β₁ and β₂, the decay rates of the two averages, in [0, 1). Default [0.95, 0.98]. */
  betas: readonly [number, number]
  /** ε, added to the root. Default 1e-8. */
  eps: number
  /** λ, added to the scaled gradient. Default 0. */
  weightDecay: number
}

/**
 * ```text
 * v ← β₂v + (1 - β₂)‖u‖²     (v ← ‖u‖² on the first step), one number for each parameter
 * m ← β₁m + u/(√v + ε) + λp
 * u ← m
 * ```
 */
export const scaleByNovoGrad: Transform<ScaleByNovoGradOptions> = transform({
  name: 'scaleByNovoGrad',
  defaults: { betas: [0.95, 0.98], eps: 1e-8, weightDecay: 0 } as ScaleByNovoGradOptions,
  ranges: [rates(), nonNegative('eps'), nonNegative('weightDecay')],
  slots: () => ({ exp_avg: 0 }),
  scalars: () => ({ exp_avg_sq: 0 }),
  numbers: ({ betas: [beta1, beta2], eps, weightDecay: decay }, t) => ({
    beta1,
    beta2,
    gain2: t === 1 ? 1 : 1 - beta2,
    eps,
    decay,
  }),
  sums: (u) => ({ squares: u.mul(u) }),
  settle: ({ exp_avg_sq: v }, { beta2, gain2, squares }) => ({
    exp_avg_sq: v.mul(beta2).add(squares.mul(gain2)),
  }),
  update: (u, { p, exp_avg: m, exp_avg_sq: v }, { beta1, eps, decay }) => {
    const next = m.mul(beta1).add(u.div(v.sqrt().add(eps)).add(p.mul(decay)))
    return { u: next, exp_avg: next }
  },
})
