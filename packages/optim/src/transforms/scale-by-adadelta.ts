import { positive, rate } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ScaleByAdadeltaOptions {
  /** ρ, the decay rate of both averages, in [0, 1). Default 0.9. */
  rho: number
  /** ε, inside of both roots. Default 1e-6. */
  eps: number
}

/**
 * ```text
 * s ← ρs + (1 - ρ)u²
 * Δ = √(d + ε) / √(s + ε) · u
 * d ← ρd + (1 - ρ)Δ²
 * u ← Δ
 * ```
 *
 * Δ uses the new s and the old d; d averages squares of Δ, without the learning rate.
 */
export const scaleByAdadelta: Transform<ScaleByAdadeltaOptions> = transform({
  name: 'scaleByAdadelta',
  defaults: { rho: 0.9, eps: 1e-6 } as ScaleByAdadeltaOptions,
  ranges: [rate('rho'), positive('eps')],
  slots: () => ({ square_avg: 0, acc_delta: 0 }),
  numbers: ({ rho, eps }) => ({ rho, gain: 1 - rho, eps }),
  update: (u, x, { rho, gain, eps }) => {
    const squares = x.square_avg.mul(rho).add(u.mul(u).mul(gain))
    const delta = x.acc_delta.add(eps).sqrt().div(squares.add(eps).sqrt()).mul(u)
    return {
      u: delta,
      square_avg: squares,
      acc_delta: x.acc_delta.mul(rho).add(delta.mul(delta).mul(gain)),
    }
  },
})
