import type { Scalar } from '@nablajs/tensor/program'
import { positive } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ClipByNormOptions {
  /** The largest Euclidean norm. Default 1. */
  maxNorm: number
}

/** `u ← u · min(1, c/‖u‖)` with c = `maxNorm`, over each parameter or over all together. */
const clip = (name: string, over: 'parameter' | 'all'): Transform<ClipByNormOptions> =>
  transform({
    name,
    defaults: { maxNorm: 1 } as ClipByNormOptions,
    ranges: [positive('maxNorm')],
    numbers: ({ maxNorm }) => ({ maxNorm }),
    over,
    sums: (u: Scalar) => ({ squares: u.mul(u) }),
    // Above c the norm is no longer 0, so nothing is divided by it.
    update: (u, _, { maxNorm, squares }) => ({
      u: u.mul(maxNorm.div(squares.sqrt().max(maxNorm))),
    }),
  })

/** Scales the update of each parameter down to a norm of at most `maxNorm`; one reduction more. */
export const clipByNorm: Transform<ClipByNormOptions> = clip('clipByNorm', 'parameter')

/**
 * Scales all updates down together, so that the norm over all parameters is at most `maxNorm`; one
 * reduction more for each parameter.
 */
export const clipByGlobalNorm: Transform<ClipByNormOptions> = clip('clipByGlobalNorm', 'all')
