import { constant, select } from '@nablajs/tensor/program'
import { type Transform, transform } from '../transform.ts'

export interface SkipNotFiniteOptions {
  /** Leave everything as it is when a gradient holds an infinity or a NaN. Default true. */
  skipNotFinite: boolean
}

/**
 * Lets no update happen while any element of any parameter's update is infinite or NaN; slots stay as
 * they are too. One reduction more for each parameter, and nothing is read back from the device: the
 * count of steps goes on.
 */
export const skipNotFinite: Transform<SkipNotFiniteOptions> = transform({
  name: 'skipNotFinite',
  defaults: { skipNotFinite: true } as SkipNotFiniteOptions,
  active: ({ skipNotFinite: on }) => on,
  over: 'all',
  sums: (u) => {
    const zero = constant(0, u.dtype)
    // 0 times a finite number is 0.
    return { bad: select(u.mul(0).eq(0), zero, constant(1, u.dtype)) }
  },
  update: (u, _, { bad }) => ({ u, when: bad.eq(0) }),
})
