import { select } from '@nablajs/tensor/program'
import { nonNegative, rates } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ScaleByRadamOptions {
  /** β₁ and β₂, the decay rates of the two averages, in [0, 1). Default [0.9, 0.999]. */
  betas: readonly [number, number]
  /** ε, added to the root (outside of it). Default 1e-8. */
  eps: number
}

/** PyTorch's; the paper has 4. */
const TRUSTED = 5

/**
 * ```text
 * m ← β₁m + (1 - β₁)u
 * v ← β₂v + (1 - β₂)u²
 * ρ∞ = 2/(1 - β₂) - 1,   ρ = ρ∞ - 2tβ₂ᵗ/(1 - β₂ᵗ)
 * r = √((ρ - 4)(ρ - 2)ρ∞ / ((ρ∞ - 4)(ρ∞ - 2)ρ))
 * u ← m/(1 - β₁ᵗ) · r√(1 - β₂ᵗ)/(√v + ε)     if ρ > 5, else
 * u ← m/(1 - β₁ᵗ)
 * ```
 */
export const scaleByRadam: Transform<ScaleByRadamOptions> = transform({
  name: 'scaleByRadam',
  defaults: { betas: [0.9, 0.999], eps: 1e-8 } as ScaleByRadamOptions,
  ranges: [rates(), nonNegative('eps')],
  slots: () => ({ exp_avg: 0, exp_avg_sq: 0 }),
  numbers: ({ betas: [beta1, beta2], eps }, t) => {
    const most = 2 / (1 - beta2) - 1
    const left = 1 - beta2 ** t
    const rho = most - (2 * t * beta2 ** t) / left
    const rectified = ((rho - 4) * (rho - 2) * most * left) / ((most - 4) * (most - 2) * rho)
    return {
      gain1: 1 - beta1,
      beta2,
      gain2: 1 - beta2,
      correct1: 1 / (1 - beta1 ** t),
      // 0 stands for an average that is not to be trusted yet.
      rectify: rho > TRUSTED ? Math.sqrt(rectified) : 0,
      eps,
    }
  },
  update: (u, x, { gain1, beta2, gain2, correct1, rectify, eps }) => {
    const m = x.exp_avg.add(u.sub(x.exp_avg).mul(gain1))
    const v = x.exp_avg_sq.mul(beta2).add(u.mul(u).mul(gain2))
    const adapt = select(rectify.gt(0), rectify.div(v.sqrt().add(eps)), 1)
    return { u: m.mul(correct1).mul(adapt), exp_avg: m, exp_avg_sq: v }
  },
})
