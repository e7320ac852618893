import { ArgumentError } from '@nablajs/tensor'
import type { Schedule, ScheduleState } from './schedule.ts'

/**
 * Several schedules at once, over the same groups: each goes on from what those before it left. They
 * may also be of different options.
 *
 * @example
 * ```ts
 * const schedule = new ChainedScheduler([
 *   new ConstantLR(optimizer, { factor: 0.1, totalIters: 2 }),
 *   new ExponentialLR(optimizer, { gamma: 0.9 }),
 * ])
 * ```
 */
export class ChainedScheduler {
  readonly #schedulers: readonly Schedule[]

  constructor(schedulers: readonly Schedule[]) {
    if (schedulers.length === 0)
      throw new ArgumentError('ChainedScheduler: schedulers is []; it must be one or more')
    this.#schedulers = schedulers
  }

  /** Goes on by one step with each. */
  step(): void {
    for (const scheduler of this.#schedulers) scheduler.step()
  }

  /** The values that the groups have now. */
  getLastLr(): number[] {
    return this.#schedulers[this.#schedulers.length - 1]!.getLastLr()
  }

  stateDict(): ScheduleState {
    return { _schedulers: this.#schedulers.map((scheduler) => scheduler.stateDict()) }
  }

  loadStateDict(state: ScheduleState): void {
    const states = state['_schedulers'] as readonly ScheduleState[]
    this.#schedulers.forEach((scheduler, i) => {
      scheduler.loadStateDict(states[i]!)
    })
  }
}
