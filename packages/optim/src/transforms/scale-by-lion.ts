import { rates } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ScaleByLionOptions {
  /** β₁ of the step and β₂ of the average, in [0, 1). Default [0.9, 0.99]. */
  betas: readonly [number, number]
}

/**
 * ```text
 * c = β₁m + (1 - β₁)u
 * m ← β₂m + (1 - β₂)u
 * u ← sign(c)
 * ```
 */
export const scaleByLion: Transform<ScaleByLionOptions> = transform({
  name: 'scaleByLion',
  defaults: { betas: [0.9, 0.99] } as ScaleByLionOptions,
  ranges: [rates()],
  slots: () => ({ exp_avg: 0 }),
  numbers: ({ betas: [beta1, beta2] }) => ({
    beta1,
    gain1: 1 - beta1,
    beta2,
    gain2: 1 - beta2,
  }),
  update: (u, { exp_avg: m }, { beta1, gain1, beta2, gain2 }) => ({
    u: m.mul(beta1).add(u.mul(gain1)).sign(),
    exp_avg: m.mul(beta2).add(u.mul(gain2)),
  }),
})
