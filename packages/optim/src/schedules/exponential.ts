import { finite, required } from './checks.ts'
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
    super(optimizer, options, { gamma: required(finite) })
    const { gamma } = options
    this.#gamma = gamma
    this.apply()
  }

  protected override value(t: number, _: number, last: number): number {
    return t === 0 ? last : last * this.#gamma
  }
}
