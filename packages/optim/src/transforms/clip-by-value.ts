import { positive } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ClipByValueOptions {
  /** c. Default 1. */
  clipValue: number
}

/** `u ← min(max(u, -c), c)` */
export const clipByValue: Transform<ClipByValueOptions> = transform({
  name: 'clipByValue',
  defaults: { clipValue: 1 } as ClipByValueOptions,
  ranges: [positive('clipValue')],
  numbers: ({ clipValue }) => ({ most: clipValue, least: -clipValue }),
  update: (u, _, { most, least }) => ({ u: u.min(most).max(least) }),
})
