import { each, func, required } from './checks.ts'
import { perGroup, Schedule, type Scheduled, type ScheduleOptions } from './schedule.ts'

export interface LambdaLROptions extends ScheduleOptions {
  /** From the number of the step to a factor; one for all groups, or one for each. */
  lrLambda: ((t: number) => number) | readonly ((t: number) => number)[]
}

/**
 * The first value times a factor of your own: `lr = base · f(t)`.
 *
 * @example
 * ```ts
 * const schedule = new LambdaLR(optimizer, { lrLambda: (t) => 0.95 ** t })
 * ```
 */
export class LambdaLR extends Schedule {
  readonly #lrLambda: (group: number) => (t: number) => number

  constructor(optimizer: Scheduled, options: LambdaLROptions) {
    super(optimizer, options, { lrLambda: required(each(func)) })
    const { lrLambda } = options
    this.#lrLambda = perGroup(optimizer, lrLambda, 'LambdaLR: lrLambda')
    this.apply()
  }

  protected override value(t: number, base: number, _: number, group: number): number {
    return base * this.#lrLambda(group)(t)
  }
}
