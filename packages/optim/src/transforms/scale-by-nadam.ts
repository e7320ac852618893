import { nonNegative, rates } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ScaleByNadamOptions {
  /** β₁ and β₂, the decay rates of the two averages, in [0, 1). Default [0.9, 0.999]. */
  betas: readonly [number, number]
  /** ε, added to the root (outside of it). Default 1e-8. */
  eps: number
  /** ψ, how fast the momentum warms up. Default 4e-3. */
  momentumDecay: number
}

/**
 * ```text
 * μₜ = β₁(1 - 0.96^(tψ)/2)
 * m ← β₁m + (1 - β₁)u
 * v ← β₂v + (1 - β₂)u²
 * u ← ((1 - μₜ)/(1 - Πμᵢ, i ≤ t) · u + μₜ₊₁/(1 - Πμᵢ, i ≤ t + 1) · m) / (√(v/(1 - β₂ᵗ)) + ε)
 * ```
 */
export const scaleByNadam: Transform<ScaleByNadamOptions> = transform({
  name: 'scaleByNadam',
  defaults: { betas: [0.9, 0.999], eps: 1e-8, momentumDecay: 4e-3 } as ScaleByNadamOptions,
  ranges: [rates(), nonNegative('eps'), nonNegative('momentumDecay')],
  slots: () => ({ exp_avg: 0, exp_avg_sq: 0 }),
  memory: () => ({ mu_product: 1 }),
  numbers: ({ betas: [beta1, beta2], eps, momentumDecay }, t, memory) => {
    const mu = (step: number): number => beta1 * (1 - 0.5 * 0.96 ** (step * momentumDecay))
    memory.mu_product *= mu(t)
    return {
      gain1: 1 - beta1,
      beta2,
      gain2: 1 - beta2,
      correct2: 1 / (1 - beta2 ** t),
      eps,
      ofGradient: (1 - mu(t)) / (1 - memory.mu_product),
      ofAverage: mu(t + 1) / (1 - memory.mu_product * mu(t + 1)),
    }
  },
  update: (u, x, n) => {
    const m = x.exp_avg.add(u.sub(x.exp_avg).mul(n.gain1))
    const v = x.exp_avg_sq.mul(n.beta2).add(u.mul(u).mul(n.gain2))
    const root = v.mul(n.correct2).sqrt().add(n.eps)
    return {
      u: u.mul(n.ofGradient).add(m.mul(n.ofAverage)).div(root),
      exp_avg: m,
      exp_avg_sq: v,
    }
  },
})
