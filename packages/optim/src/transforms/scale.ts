import { type Transform, transform } from '../transform.ts'

export interface ScaleOptions {
  /** c. Default 1. */
  factor: number
}

/** `u ← cu` with c = `factor`. */
export const scale: Transform<ScaleOptions> = transform({
  name: 'scale',
  defaults: { factor: 1 } as ScaleOptions,
  ranges: [
    {
      option: 'factor',
      says: 'a finite number',
      holds: ({ factor }) => Number.isFinite(factor),
    },
  ],
  numbers: ({ factor }) => ({ factor }),
  update: (u, _, { factor }) => ({ u: u.mul(factor) }),
})
