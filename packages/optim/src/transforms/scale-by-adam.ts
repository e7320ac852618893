import { nonNegative, rates } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ScaleByAdamOptions {
  /** β₁ and β₂, the decay rates of the two averages, in [0, 1). Default [0.9, 0.999]. */
  betas: readonly [number, number]
  /** ε, added to the root (outside of it). Default 1e-8, for LAMB 1e-6. */
  eps: number
  /** ε̄, added inside of the root, as some texts print it. Default 0. */
  epsRoot: number
  /** Divide by the largest second moment so far (AMSGrad). Default false. */
  amsgrad: boolean
}

/**
 * ```text
 * m ← β₁m + (1 - β₁)u
 * v ← β₂v + (1 - β₂)u²
 * u ← m/(1 - β₁ᵗ) / (√(v/(1 - β₂ᵗ) + ε̄) + ε)
 * ```
 *
 * With `amsgrad`, v is replaced in the last line by its largest value so far.
 */
export const scaleByAdam: Transform<ScaleByAdamOptions> = transform({
  name: 'scaleByAdam',
  defaults: { betas: [0.9, 0.999], eps: 1e-8, epsRoot: 0, amsgrad: false } as ScaleByAdamOptions,
  ranges: [rates(), nonNegative('eps'), nonNegative('epsRoot')],
  structure: ({ amsgrad, epsRoot }) => ({ amsgrad, inside: epsRoot !== 0 }),
  slots: ({ amsgrad }) => ({
    exp_avg: 0,
    exp_avg_sq: 0,
    ...(amsgrad && { max_exp_avg_sq: 0 }),
  }),
  numbers: ({ betas: [beta1, beta2], eps, epsRoot }, t) => ({
    gain1: 1 - beta1,
    beta2,
    gain2: 1 - beta2,
    correct1: 1 / (1 - beta1 ** t),
    correct2: 1 / (1 - beta2 ** t),
    eps,
    epsRoot,
  }),
  update: (u, x, n, { amsgrad, inside }) => {
    const m = x.exp_avg.add(u.sub(x.exp_avg).mul(n.gain1))
    const v = x.exp_avg_sq.mul(n.beta2).add(u.mul(u).mul(n.gain2))
    const largest = amsgrad ? x.max_exp_avg_sq.max(v) : v
    const unbiased = largest.mul(n.correct2)
    const root = (inside ? unbiased.add(n.epsRoot) : unbiased).sqrt()
    return {
      u: m.mul(n.correct1).div(root.add(n.eps)),
      exp_avg: m,
      exp_avg_sq: v,
      ...(amsgrad && { max_exp_avg_sq: largest }),
    }
  },
})
