import { eachOf, finite, required, wholeNonNegative } from './checks.ts'
import { Schedule, type Scheduled, type ScheduleOptions } from './schedule.ts'

export interface MultiStepLROptions extends ScheduleOptions {
  /** At which steps the value falls; one that is listed twice counts twice. */
  milestones: readonly number[]
  /** γ, by how much. Default 0.1. */
  gamma?: number
}

/**
 * Multiplies by γ at given steps.
 *
 * @example
 * ```ts
 * const schedule = new MultiStepLR(optimizer, { milestones: [60, 80] })
 * ```
 */
export class MultiStepLR extends Schedule {
  readonly #milestones: readonly number[]
  readonly #gamma: number

  constructor(optimizer: Scheduled, options: MultiStepLROptions) {
    super(optimizer, options, { milestones: required(eachOf(wholeNonNegative)), gamma: finite })
    const { milestones, gamma = 0.1 } = options
    this.#milestones = milestones
    this.#gamma = gamma
    this.apply()
  }

  protected override value(t: number, _: number, last: number): number {
    return last * this.#gamma ** this.#milestones.filter((milestone) => milestone === t).length
  }
}
