import { nonNegative, rates } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ScaleByAdamaxOptions {
  /** β₁ and β₂, in [0, 1). Default [0.9, 0.999]. */
  betas: readonly [number, number]
  /** ε, added to |u| so that nothing is divided by 0. Default 1e-8. */
  eps: number
}

/**
 * ```text
 * m ← β₁m + (1 - β₁)u
 * w ← max(β₂w, |u| + ε)
 * u ← m / (1 - β₁ᵗ) / w
 * ```
 */
export const scaleByAdamax: Transform<ScaleByAdamaxOptions> = transform({
  name: 'scaleByAdamax',
  defaults: { betas: [0.9, 0.999], eps: 1e-8 } as ScaleByAdamaxOptions,
  ranges: [rates(), nonNegative('eps')],
  slots: () => ({ exp_avg: 0, exp_inf: 0 }),
  numbers: ({ betas: [beta1, beta2], eps }, t) => ({
    gain1: 1 - beta1,
    beta2,
    correct1: 1 / (1 - beta1 ** t),
    eps,
  }),
  update: (u, x, { gain1, beta2, correct1, eps }) => {
    const m = x.exp_avg.add(u.sub(x.exp_avg).mul(gain1))
    const largest = x.exp_inf.mul(beta2).max(u.abs().add(eps))
    return { u: m.mul(correct1).div(largest), exp_avg: m, exp_inf: largest }
  },
})
