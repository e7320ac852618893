import { nonNegative, rates } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ScaleBySecondMomentOptions {
  /** β₁, for links after this one, and β₂, the decay rate of the average of squares. Default [0.9, 0.999]. */
  betas: readonly [number, number]
  /** ε, added to the root. Default 1e-8. */
  eps: number
}

/**
 * Adam without its first moment.
 *
 * ```text
 * v ← β₂v + (1 - β₂)u²
 * u ← u / (√(v/(1 - β₂ᵗ)) + ε)
 * ```
 */
export const scaleBySecondMoment: Transform<ScaleBySecondMomentOptions> = transform({
  name: 'scaleBySecondMoment',
  defaults: { betas: [0.9, 0.999], eps: 1e-8 } as ScaleBySecondMomentOptions,
  ranges: [rates(), nonNegative('eps')],
  slots: () => ({ exp_avg_sq: 0 }),
  numbers: ({ betas: [, beta2], eps }, t) => ({
    beta2,
    gain2: 1 - beta2,
    correct2: 1 / (1 - beta2 ** t),
    eps,
  }),
  update: (u, x, { beta2, gain2, correct2, eps }) => {
    const v = x.exp_avg_sq.mul(beta2).add(u.mul(u).mul(gain2))
    return { u: u.div(v.mul(correct2).sqrt().add(eps)), exp_avg_sq: v }
  },
})
