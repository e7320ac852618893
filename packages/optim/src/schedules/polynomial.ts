import { nonNegative, wholePositive } from './checks.ts'
import { Schedule, type Scheduled, type ScheduleOptions } from './schedule.ts'

export interface PolynomialLROptions extends ScheduleOptions {
  /** T, after how many steps it is 0. Default 5. */
  totalIters?: number
  /** k. Default 1. */
  power?: number
}

/**
 * Falls to 0 as a power: `lr = base · (1 - min(t, T)/T)^k`.
 */
export class PolynomialLR extends Schedule {
  readonly #totalIters: number
  readonly #power: number

  constructor(optimizer: Scheduled, options: PolynomialLROptions = {}) {
    super(optimizer, options, { totalIters: wholePositive, power: nonNegative })
    const { totalIters = 5, power = 1 } = options
    this.#totalIters = totalIters
    this.#power = power
    this.apply()
  }

  protected override value(t: number, _: number, last: number): number {
    if (t === 0 || t > this.#totalIters) return last
    const left = (step: number): number => 1 - step / this.#totalIters
    return last * (left(t) / left(t - 1)) ** this.#power
  }
}
