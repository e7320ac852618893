import { finite, required, wholePositive } from './checks.ts'
import { Schedule, type Scheduled, type ScheduleOptions } from './schedule.ts'

export interface StepLROptions extends ScheduleOptions {
  /** k, after how many steps the value falls. */
  stepSize: number
  /** γ, by how much. Default 0.1. */
  gamma?: number
}

/**
 * Multiplies by γ every k steps: `lr = base · γ^⌊t/k⌋`.
 *
 * @example
 * ```ts
 * const schedule = new StepLR(optimizer, { stepSize: 30 })
 * ```
 */
export class StepLR extends Schedule {
  readonly #stepSize: number
  readonly #gamma: number

  constructor(optimizer: Scheduled, options: StepLROptions) {
    super(optimizer, options, { stepSize: required(wholePositive), gamma: finite })
    const { stepSize, gamma = 0.1 } = options
    this.#stepSize = stepSize
    this.#gamma = gamma
    this.apply()
  }

  protected override value(t: number, _: number, last: number): number {
    return t > 0 && t % this.#stepSize === 0 ? last * this.#gamma : last
  }
}
