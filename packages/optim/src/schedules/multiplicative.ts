import { each, func, required } from './checks.ts'
import { perGroup, Schedule, type Scheduled, type ScheduleOptions } from './schedule.ts'

export interface MultiplicativeLROptions extends ScheduleOptions {
  /** From the number of the step to a factor; one for all groups, or one for each. */
  lrLambda: ((t: number) => number) | readonly ((t: number) => number)[]
}

/**
 * Multiplies by a factor of your own at each step. Within {@link SequentialLR} it goes on from the value
 * that the schedule before left, and the factor of step 0 counts too.
 */
export class MultiplicativeLR extends Schedule {
  readonly #lrLambda: (group: number) => (t: number) => number

  constructor(optimizer: Scheduled, options: MultiplicativeLROptions) {
    super(optimizer, options, { lrLambda: required(each(func)) })
    const { lrLambda } = options
    this.#lrLambda = perGroup(optimizer, lrLambda, 'MultiplicativeLR: lrLambda')
    this.apply()
  }

  protected override value(t: number, _: number, last: number, group: number): number {
    return t === 0 ? last : last * this.#lrLambda(group)(t)
  }

  /** @internal It has no value of its own and goes on from what it finds, with the factor of step 0. */
  override follow(): void {
    this.lastEpoch = 0
    this.optimizer.paramGroups.forEach((group, i) => {
      this.write(group, this.read(group) * this.#lrLambda(i)(0))
    })
  }
}
