import { select } from '@nablajs/tensor/program'
import { nonNegative, positive } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ScaleByLayerwiseRateOptions {
  /** η, the share of its size that a layer may move in a step. Default 1e-3. */
  trustCoefficient: number
  /** λ, the L2 penalty. Default 0. */
  weightDecay: number
  /** ε, added to the denominator. Default 0. */
  eps: number
}

/**
 * `u ← (u + λp) η‖p‖ / (‖u‖ + λ‖p‖ + ε)`, with norms over the whole parameter; where either norm is 0
 * the factor is 1. Two reductions more for each parameter.
 */
export const scaleByLayerwiseRate: Transform<ScaleByLayerwiseRateOptions> = transform({
  name: 'scaleByLayerwiseRate',
  defaults: { trustCoefficient: 1e-3, weightDecay: 0, eps: 0 } as ScaleByLayerwiseRateOptions,
  ranges: [positive('trustCoefficient'), nonNegative('weightDecay'), nonNegative('eps')],
  numbers: ({ trustCoefficient: trust, weightDecay: decay, eps }) => ({ trust, decay, eps }),
  sums: (u, { p }) => ({ weights: p.mul(p), slopes: u.mul(u) }),
  update: (u, { p }, { trust, decay, eps, weights, slopes }) => {
    const [weight, slope] = [weights.sqrt(), slopes.sqrt()]
    const rate = trust.mul(weight).div(slope.add(decay.mul(weight)).add(eps))
    const usable = weights.gt(0).and(slopes.gt(0))
    return { u: u.add(p.mul(decay)).mul(select(usable, rate, 1)) }
  },
})
