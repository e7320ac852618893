import { nonNegative, rates } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ScaleByYogiOptions {
  /** β₁ and β₂, the decay rates of the two averages, in [0, 1). Default [0.9, 0.999]. */
  betas: readonly [number, number]
  /** ε, added to the root. Default 1e-3. */
  eps: number
  /** What both averages start as. Default 1e-6. */
  initialAccumulatorValue: number
}

/**
 * ```text
 * m ← β₁m + (1 - β₁)u
 * v ← v - (1 - β₂) sign(v - u²) u²
 * u ← m / (√v + ε)
 * ```
 */
export const scaleByYogi: Transform<ScaleByYogiOptions> = transform({
  name: 'scaleByYogi',
  defaults: {
    betas: [0.9, 0.999],
    eps: 1e-3,
    initialAccumulatorValue: 1e-6,
  } as ScaleByYogiOptions,
  ranges: [rates(), nonNegative('eps'), nonNegative('initialAccumulatorValue')],
  slots: ({ initialAccumulatorValue: initial }) => ({ exp_avg: initial, exp_avg_sq: initial }),
  numbers: ({ betas: [beta1, beta2], eps }) => ({ gain1: 1 - beta1, gain2: 1 - beta2, eps }),
  update: (u, x, { gain1, gain2, eps }) => {
    const m = x.exp_avg.add(u.sub(x.exp_avg).mul(gain1))
    const square = u.mul(u)
    const v = x.exp_avg_sq.sub(x.exp_avg_sq.sub(square).sign().mul(square).mul(gain2))
    return { u: m.div(v.sqrt().add(eps)), exp_avg: m, exp_avg_sq: v }
  },
})
