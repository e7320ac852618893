import { nonNegative, rates } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ScaleByAdanOptions {
  /** The decay rates of the averages of gradient, difference and square, in [0, 1). Default [0.98, 0.92, 0.99]. */
  betas: readonly [number, number, number]
  /** ε, added to the root. Default 1e-8. */
  eps: number
}

/**
 * ```text
 * δ = u - the u before        (0 on the first step)
 * m ← β₁m + (1 - β₁)u
 * d ← β₂d + (1 - β₂)δ
 * n ← β₃n + (1 - β₃)(u + β₂δ)²
 * u ← (m/(1 - β₁ᵗ) + β₂ d/(1 - β₂ᵗ)) / (√(n/(1 - β₃ᵗ)) + ε)
 * ```
 */
export const scaleByAdan: Transform<ScaleByAdanOptions> = transform({
  name: 'scaleByAdan',
  defaults: { betas: [0.98, 0.92, 0.99], eps: 1e-8 } as ScaleByAdanOptions,
  ranges: [rates(3), nonNegative('eps')],
  slots: () => ({ exp_avg: 0, exp_avg_diff: 0, exp_avg_sq: 0, previous_grad: 0 }),
  numbers: ({ betas: [beta1, beta2, beta3], eps }, t) => ({
    gain1: 1 - beta1,
    beta2,
    gain2: 1 - beta2,
    beta3,
    gain3: 1 - beta3,
    correct1: 1 / (1 - beta1 ** t),
    correct2: beta2 / (1 - beta2 ** t),
    correct3: 1 / (1 - beta3 ** t),
    later: t === 1 ? 0 : 1,
    eps,
  }),
  update: (u, x, n) => {
    const difference = u.sub(x.previous_grad).mul(n.later)
    const ahead = u.add(difference.mul(n.beta2))
    const m = x.exp_avg.add(u.sub(x.exp_avg).mul(n.gain1))
    const d = x.exp_avg_diff.mul(n.beta2).add(difference.mul(n.gain2))
    const squares = x.exp_avg_sq.mul(n.beta3).add(ahead.mul(ahead).mul(n.gain3))
    const step = m.mul(n.correct1).add(d.mul(n.correct2))
    return {
      u: step.div(squares.mul(n.correct3).sqrt().add(n.eps)),
      exp_avg: m,
      exp_avg_diff: d,
      exp_avg_sq: squares,
      previous_grad: u,
    }
  },
})
