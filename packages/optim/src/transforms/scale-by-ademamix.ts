import { nonNegative, rates } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ScaleByAdEMAMixOptions {
  /** β₁, β₂ of the averages as in Adam, β₃ of the slow one, in [0, 1). Default [0.9, 0.999, 0.9999]. */
  betas: readonly [number, number, number]
  /** α, how much the slow average counts. Default 5. */
  alpha: number
  /** T, for how many updates α and β₃ grow to their values. Default 0: they are there at once. */
  warmup: number
  /** ε, added to the root (outside of it). Default 1e-8. */
  eps: number
}

/** β₃ at update t: its half-life grows evenly from that of β₁. */
function slowRate(beta1: number, beta3: number, share: number): number {
  // At 0 there is no logarithm; and nothing to keep, or no other rate to start from.
  if (share >= 1 || beta1 === 0 || beta3 === 0) return beta3
  const [from, to] = [Math.log(beta1), Math.log(beta3)]
  return Math.min(Math.exp((from * to) / ((1 - share) * to + share * from)), beta3)
}

/**
 * ```text
 * m ← β₁m + (1 - β₁)u
 * s ← β₃s + (1 - β₃)u
 * v ← β₂v + (1 - β₂)u²
 * u ← (m/(1 - β₁ᵗ) + αs) / (√(v/(1 - β₂ᵗ)) + ε)
 * ```
 *
 * with α ← min(t/T, 1) α and ln β₃ ← ln β₁ ln β₃ / ((1 - t/T) ln β₃ + t/T ln β₁) while t < T = `warmup`.
 */
export const scaleByAdEMAMix: Transform<ScaleByAdEMAMixOptions> = transform({
  name: 'scaleByAdEMAMix',
  defaults: {
    betas: [0.9, 0.999, 0.9999],
    alpha: 5,
    warmup: 0,
    eps: 1e-8,
  } as ScaleByAdEMAMixOptions,
  ranges: [rates(3), nonNegative('alpha'), nonNegative('warmup'), nonNegative('eps')],
  slots: () => ({ exp_avg: 0, exp_avg_slow: 0, exp_avg_sq: 0 }),
  numbers: ({ betas: [beta1, beta2, beta3], alpha, warmup, eps }, t) => {
    const share = warmup === 0 ? 1 : Math.min(t / warmup, 1)
    const slow = slowRate(beta1, beta3, share)
    return {
      gain1: 1 - beta1,
      beta2,
      gain2: 1 - beta2,
      gain3: 1 - slow,
      correct1: 1 / (1 - beta1 ** t),
      correct2: 1 / (1 - beta2 ** t),
      alpha: alpha * share,
      eps,
    }
  },
  update: (u, x, n) => {
    const m = x.exp_avg.add(u.sub(x.exp_avg).mul(n.gain1))
    const slow = x.exp_avg_slow.add(u.sub(x.exp_avg_slow).mul(n.gain3))
    const v = x.exp_avg_sq.mul(n.beta2).add(u.mul(u).mul(n.gain2))
    const root = v.mul(n.correct2).sqrt()
    return {
      u: m.mul(n.correct1).add(slow.mul(n.alpha)).div(root.add(n.eps)),
      exp_avg: m,
      exp_avg_slow: slow,
      exp_avg_sq: v,
    }
  },
})
