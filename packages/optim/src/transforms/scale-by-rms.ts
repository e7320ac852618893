import { nonNegative, rate } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ScaleByRmsOptions {
  /** α, the decay rate of the average of squares, in [0, 1). Default 0.99. */
  alpha: number
  /** ε, added to the root (outside of it). Default 1e-8. */
  eps: number
  /** ε̄, added inside of the root, where TensorFlow has its epsilon. Default 0. */
  epsRoot: number
  /** What the average of squares starts as (TensorFlow 1: 1). Default 0. */
  initialAccumulatorValue: number
  /** Subtract the square of the mean, so that the variance is left. Default false. */
  centered: boolean
}

/**
 * Divides by the root of the average of squares.
 *
 * ```text
 * s ← αs + (1 - α)u²
 * a ← αa + (1 - α)u          centered: s - a² takes the place of s below
 * u ← u / (√(s + ε̄) + ε)
 * ```
 */
export const scaleByRms: Transform<ScaleByRmsOptions> = transform({
  name: 'scaleByRms',
  defaults: {
    alpha: 0.99,
    eps: 1e-8,
    epsRoot: 0,
    initialAccumulatorValue: 0,
    centered: false,
  } as ScaleByRmsOptions,
  ranges: [
    rate('alpha'),
    nonNegative('eps'),
    nonNegative('epsRoot'),
    nonNegative('initialAccumulatorValue'),
  ],
  structure: ({ centered, epsRoot }) => ({ centered, inside: epsRoot !== 0 }),
  slots: ({ centered, initialAccumulatorValue }) => ({
    square_avg: initialAccumulatorValue,
    ...(centered && { grad_avg: 0 }),
  }),
  numbers: ({ alpha, eps, epsRoot }) => ({ alpha, gain: 1 - alpha, eps, epsRoot }),
  update: (u, x, { alpha, gain, eps, epsRoot }, { centered, inside }) => {
    const squares = x.square_avg.mul(alpha).add(u.mul(u).mul(gain))
    const mean = centered ? x.grad_avg.add(u.sub(x.grad_avg).mul(gain)) : undefined
    const spread = mean ? squares.sub(mean.mul(mean)) : squares
    const root = (inside ? spread.add(epsRoot) : spread).sqrt()
    return {
      u: u.div(root.add(eps)),
      square_avg: squares,
      ...(mean && { grad_avg: mean }),
    }
  },
})
