import { perGroup, Schedule, type Scheduled, type ScheduleOptions } from './schedule.ts'

export interface MultiplicativeLROptions extends ScheduleOptions {
  /** From the number of the step to a factor; one for all groups, or one for each. */
  lrLambda: ((t: number) => number) | readonly ((t: number) => number)[]
}

/**
 * Multiplies by a factor of your own at each step.
 */
export class MultiplicativeLR extends Schedule {
  readonly #lrLambda: readonly ((t: number) => number)[]

  constructor(optimizer: Scheduled, options: MultiplicativeLROptions) {
    super(optimizer, options)
    const { lrLambda } = options
    this.#lrLambda = perGroup(optimizer, lrLambda, 'MultiplicativeLR: lrLambda')
    this.apply()
  }

  protected override value(t: number, _: number, last: number, group: number): number {
    return t === 0 ? last : last * this.#lrLambda[group]!(t)
  }

  // It has no value of its own: it goes on from what it finds.
  override reset(): void {}
}
