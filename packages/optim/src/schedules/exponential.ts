import { Schedule, type Scheduled, type ScheduleOptions } from './schedule.ts'

export interface ExponentialLROptions extends ScheduleOptions {
  /** γ. */
  gamma: number
}

/**
 * Multiplies by γ at each step: `lr = base · γᵗ`.
 */
export class ExponentialLR extends Schedule {
  readonly #gamma: number

  constructor(optimizer: Scheduled, options: ExponentialLROptions) {
    super(optimizer, options, ['gamma'])
    const { gamma } = options
    this.demand(Number.isFinite(gamma), 'gamma', gamma, 'a finite number')
    this.#gamma = gamma
    this.apply()
  }

  protected override value(t: number, _: number, last: number): number {
    return t === 0 ? last : last * this.#gamma
  }
}
