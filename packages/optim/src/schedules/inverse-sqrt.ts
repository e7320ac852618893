import { wholePositive } from './checks.ts'
import { Schedule, type Scheduled, type ScheduleOptions } from './schedule.ts'

export interface InverseSqrtLROptions extends ScheduleOptions {
  /** w. Default 4000. */
  warmupSteps?: number
}

/**
 * Rises linearly to the base value and then falls with the root of the step:
 * `lr = base · min((t + 1)/w, √(w/(t + 1)))`.
 */
export class InverseSqrtLR extends Schedule {
  readonly #warmupSteps: number

  constructor(optimizer: Scheduled, options: InverseSqrtLROptions = {}) {
    super(optimizer, options, { warmupSteps: wholePositive })
    const { warmupSteps = 4000 } = options
    this.#warmupSteps = warmupSteps
    this.apply()
  }

  protected override value(t: number, base: number): number {
    const w = this.#warmupSteps
    return base * Math.min((t + 1) / w, Math.sqrt(w / (t + 1)))
  }
}
