import { ArgumentError } from '@nablajs/tensor'
import { type Transform, transform } from '../transform.ts'

export interface ScaleByScheduleOptions {
  /** From the number of updates before this one (0, 1, ...) to a factor. Default: 1. */
  schedule: (t: number) => number
}

/**
 * `u ← f(t)u` with f = `schedule`: a learning rate as a function, inside of the chain. It needs no
 * `Schedule` beside the optimizer, and t is in the checkpoint; the function itself is not.
 *
 * @throws ArgumentError in `step()` when the function gives no finite number.
 * @example
 * ```ts
 * const recipe = chain('Decaying', [scaleByAdam, scaleBySchedule])
 * const optimizer = new Chain(model.parameters(), recipe, { schedule: (t) => 1e-3 * 0.99 ** t })
 * ```
 */
export const scaleBySchedule: Transform<ScaleByScheduleOptions> = transform({
  name: 'scaleBySchedule',
  defaults: { schedule: () => 1 } as ScaleByScheduleOptions,
  ranges: [
    {
      option: 'schedule',
      says: 'a function',
      holds: ({ schedule }) => typeof schedule === 'function',
    },
  ],
  numbers: ({ schedule }, t) => {
    const factor = schedule(t - 1)
    if (!Number.isFinite(factor))
      throw new ArgumentError(
        `scaleBySchedule: schedule(${t - 1}) is ${factor}; it must be a finite number`,
      )
    return { factor }
  },
  update: (u, _, { factor }) => ({ u: u.mul(factor) }),
})
