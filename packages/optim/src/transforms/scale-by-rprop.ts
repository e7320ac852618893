import { select } from '@nablajs/tensor/program'
import { nonNegative } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ScaleByRpropOptions {
  /** The first step size of every element. Default 1e-2. */
  lr: number
  /** η⁻ and η⁺, what a step shrinks and grows by. Default [0.5, 1.2]. */
  etas: readonly [number, number]
  /** The smallest and the largest step. Default [1e-6, 50]. */
  stepSizes: readonly [number, number]
}

/**
 * ```text
 * s ← clamp(η⁺s) where u agrees in sign with its predecessor, clamp(η⁻s) where it disagrees
 * u ← 0 where it disagrees
 * u ← sign(u) s
 * ```
 */
export const scaleByRprop: Transform<ScaleByRpropOptions> = transform({
  name: 'scaleByRprop',
  defaults: { lr: 1e-2, etas: [0.5, 1.2], stepSizes: [1e-6, 50] } as ScaleByRpropOptions,
  ranges: [
    nonNegative('lr'),
    {
      option: 'etas',
      says: 'two numbers, the first in (0, 1) and the second > 1',
      holds: ({ etas: [shrink, grow] }) => shrink > 0 && shrink < 1 && grow > 1,
    },
    {
      option: 'stepSizes',
      says: 'two numbers >= 0, the smaller first',
      holds: ({ stepSizes: [least, most] }) => least >= 0 && least <= most,
    },
  ],
  slots: ({ lr }) => ({ prev: 0, step_size: lr }),
  numbers: ({ etas: [shrink, grow], stepSizes: [least, most] }) => ({ shrink, grow, least, most }),
  update: (u, { prev, step_size: last }, { shrink, grow, least, most }) => {
    const agreement = u.mul(prev)
    const factor = select(agreement.gt(0), grow, select(agreement.lt(0), shrink, 1))
    const size = last.mul(factor).max(least).min(most)
    const kept = select(agreement.lt(0), 0, u)
    return { u: kept.sign().mul(size), prev: kept, step_size: size }
  },
})
