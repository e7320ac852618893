import { nonNegative, rates } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ScaleByBeliefOptions {
  /** β₁ and β₂, the decay rates of the two averages, in [0, 1). Default [0.9, 0.999]. */
  betas: readonly [number, number]
  /** ε, added to the average of squares in each step, and to the root. Default 1e-16. */
  eps: number
}

/**
 * ```text
 * m ← β₁m + (1 - β₁)u
 * s ← β₂s + (1 - β₂)(u - m)² + ε
 * u ← m/(1 - β₁ᵗ) / (√(s/(1 - β₂ᵗ)) + ε)
 * ```
 */
export const scaleByBelief: Transform<ScaleByBeliefOptions> = transform({
  name: 'scaleByBelief',
  defaults: { betas: [0.9, 0.999], eps: 1e-16 } as ScaleByBeliefOptions,
  ranges: [rates(), nonNegative('eps')],
  slots: () => ({ exp_avg: 0, exp_avg_var: 0 }),
  numbers: ({ betas: [beta1, beta2], eps }, t) => ({
    gain1: 1 - beta1,
    beta2,
    gain2: 1 - beta2,
    correct1: 1 / (1 - beta1 ** t),
    correct2: 1 / (1 - beta2 ** t),
    eps,
  }),
  update: (u, x, { gain1, beta2, gain2, correct1, correct2, eps }) => {
    const m = x.exp_avg.add(u.sub(x.exp_avg).mul(gain1))
    const surprise = u.sub(m)
    const s = x.exp_avg_var.mul(beta2).add(surprise.mul(surprise).mul(gain2)).add(eps)
    return {
      u: m.mul(correct1).div(s.mul(correct2).sqrt().add(eps)),
      exp_avg: m,
      exp_avg_var: s,
    }
  },
})
