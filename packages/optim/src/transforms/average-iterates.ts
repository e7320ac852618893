import { nonNegative } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface AverageIteratesOptions {
  /** Learning rate γ of the first step. Default 1e-2. */
  lr: number
  /** λ, how much the parameter decays. Default 1e-4. */
  lambd: number
  /** α, the power of the falling rate. Default 0.75. */
  alpha: number
  /** t₀, the step from which on iterates are averaged. Default 1e6. */
  t0: number
}

/**
 * ```text
 * u ← η(u + λp),   η = γ / (1 + λγt)^α of the last step, γ on the first
 * a ← a + μ(p - u - a),   μ = 1/max(1, t - t₀) of the last step, 1 on the first
 * ```
 *
 * The last link of a chain: it averages where the parameter goes.
 */
export const averageIterates: Transform<AverageIteratesOptions> = transform({
  name: 'averageIterates',
  defaults: { lr: 1e-2, lambd: 1e-4, alpha: 0.75, t0: 1e6 } as AverageIteratesOptions,
  ranges: [
    nonNegative('lr'),
    nonNegative('lambd'),
    {
      option: 'alpha',
      says: 'a finite number',
      holds: ({ alpha }) => Number.isFinite(alpha),
    },
    nonNegative('t0'),
  ],
  slots: () => ({ ax: 0 }),
  memory: ({ lr }) => ({ eta: lr, mu: 1 }),
  numbers: ({ lr, lambd, alpha, t0 }, t, memory) => {
    const { eta, mu } = memory
    memory.eta = lr / (1 + lambd * lr * t) ** alpha
    memory.mu = 1 / Math.max(1, t - t0)
    return { eta, mu, lambd }
  },
  update: (u, { p, ax }, { eta, mu, lambd }) => {
    const step = u.add(p.mul(lambd)).mul(eta)
    return { u: step, ax: ax.add(p.sub(step).sub(ax).mul(mu)) }
  },
})
