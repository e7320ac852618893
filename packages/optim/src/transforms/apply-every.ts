import { type Transform, transform } from '../transform.ts'

export interface ApplyEveryOptions {
  /** k, a whole number. Default 1. */
  every: number
}

/**
 * Gathers k updates and lets their sum pass with the last of them; 0 in between.
 *
 * ```text
 * a ← a + u                  (a ← u after a sum has passed)
 * u ← a if t is a multiple of k, else 0
 * ```
 *
 * with k = `every`. Put it at the end of a chain: links behind it see the zeros. To make one step out
 * of the gradients of several batches, moments included, take {@link accumulate}.
 */
export const applyEvery: Transform<ApplyEveryOptions> = transform({
  name: 'applyEvery',
  defaults: { every: 1 } as ApplyEveryOptions,
  ranges: [
    {
      option: 'every',
      says: 'a whole number > 0',
      holds: ({ every }) => Number.isInteger(every) && every > 0,
    },
  ],
  active: ({ every }) => every > 1,
  slots: () => ({ gathered: 0 }),
  numbers: ({ every }, t) => ({
    kept: (t - 1) % every === 0 ? 0 : 1,
    passes: t % every === 0 ? 1 : 0,
  }),
  update: (u, { gathered }, { kept, passes }) => {
    const sum = gathered.mul(kept).add(u)
    return { u: sum.mul(passes), gathered: sum }
  },
})
