import { nonNegative } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ScaleByRssOptions {
  /** η, how fast the rate falls on top: by 1/(1 + (t - 1)η). Default 0. */
  lrDecay: number
  /** What the sum of squares starts as. Default 0. */
  initialAccumulatorValue: number
  /** ε, added to the root. Default 1e-10. */
  eps: number
}

/**
 * Divides by the root of the sum of all squares so far.
 *
 * ```text
 * s ← s + u²
 * u ← u / (1 + (t - 1)η) / (√s + ε)
 * ```
 */
export const scaleByRss: Transform<ScaleByRssOptions> = transform({
  name: 'scaleByRss',
  defaults: { lrDecay: 0, initialAccumulatorValue: 0, eps: 1e-10 } as ScaleByRssOptions,
  ranges: [nonNegative('lrDecay'), nonNegative('initialAccumulatorValue'), nonNegative('eps')],
  slots: ({ initialAccumulatorValue }) => ({ sum: initialAccumulatorValue }),
  numbers: ({ lrDecay, eps }, t) => ({ slower: 1 + (t - 1) * lrDecay, eps }),
  update: (u, x, { slower, eps }) => {
    const sum = x.sum.add(u.mul(u))
    return { u: u.div(sum.sqrt().add(eps)).div(slower), sum }
  },
})
