import { nonNegative, positiveShare } from './checks.ts'
import { Schedule, type Scheduled, type ScheduleOptions } from './schedule.ts'

export interface ConstantLROptions extends ScheduleOptions {
  /** What the value is multiplied by. Default 1/3. */
  factor?: number
  /** For how many steps. Default 5. */
  totalIters?: number
}

/**
 * Multiplies by a factor for the first steps.
 */
export class ConstantLR extends Schedule {
  readonly #factor: number
  readonly #totalIters: number

  constructor(optimizer: Scheduled, options: ConstantLROptions = {}) {
    super(optimizer, options, { factor: positiveShare, totalIters: nonNegative })
    const { factor = 1 / 3, totalIters = 5 } = options
    this.demand(factor > 0 && factor <= 1, 'factor', factor, 'in (0, 1]')
    this.#factor = factor
    this.#totalIters = totalIters
    this.apply()
  }

  protected override value(t: number, _: number, last: number): number {
    if (t === 0) return last * this.#factor
    return t === this.#totalIters ? last / this.#factor : last
  }
}
