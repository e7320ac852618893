import { select } from '@nablajs/tensor/program'
import { nonNegative, positive, rates } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ScaleBySophiaOptions {
  /** β₁ of the gradients and β₂ of the Hessians, in [0, 1). Default [0.965, 0.99]. */
  betas: readonly [number, number]
  /** ρ, how much of the curvature counts: with more, fewer elements are clipped. Default 0.04. */
  rho: number
  /** ε, added to the denominator. Default 1e-15. */
  eps: number
}

/**
 * ```text
 * m ← β₁m + (1 - β₁)u
 * u ← sign(m) min(|m|/(ρh + ε), 1)
 * ```
 *
 * with h the slot `hessian`, which somebody else keeps up.
 */
export const scaleBySophia: Transform<ScaleBySophiaOptions> = transform({
  name: 'scaleBySophia',
  defaults: { betas: [0.965, 0.99], rho: 0.04, eps: 1e-15 } as ScaleBySophiaOptions,
  ranges: [rates(), positive('rho'), nonNegative('eps')],
  slots: () => ({ exp_avg: 0, hessian: 0 }),
  numbers: ({ betas: [beta1], rho, eps }) => ({ gain1: 1 - beta1, rho, eps }),
  update: (u, { exp_avg, hessian }, { gain1, rho, eps }) => {
    const m = exp_avg.add(u.sub(exp_avg).mul(gain1))
    const curvature = hessian.mul(rho).add(eps)
    // Where nothing is known of the curvature, 0/0 is no step.
    const ratio = select(m.eq(0), 0, m.abs().div(curvature).min(1))
    return { u: m.sign().mul(ratio), exp_avg: m }
  },
})
