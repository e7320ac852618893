import { rate } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface EmaOptions {
  /** β, how much of the last average stays, in [0, 1). Default 0.9. */
  decay: number
  /** Divide by 1 - βᵗ, so that the first updates are not small. Default true. */
  debias: boolean
}

/**
 * An exponentially weighted average of the updates.
 *
 * ```text
 * m ← βm + (1 - β)u
 * u ← m/(1 - βᵗ)             u ← m without `debias`
 * ```
 *
 * with β = `decay`.
 */
export const ema: Transform<EmaOptions> = transform({
  name: 'ema',
  defaults: { decay: 0.9, debias: true } as EmaOptions,
  ranges: [rate('decay')],
  slots: () => ({ ema: 0 }),
  numbers: ({ decay, debias }, t) => ({
    decay,
    gain: 1 - decay,
    correct: debias ? 1 / (1 - decay ** t) : 1,
  }),
  update: (u, { ema: last }, { decay, gain, correct }) => {
    const mean = last.mul(decay).add(u.mul(gain))
    return { u: mean.mul(correct), ema: mean }
  },
})
