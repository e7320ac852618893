import { positiveShare, share, wholePositive } from './checks.ts'
import { Schedule, type Scheduled, type ScheduleOptions } from './schedule.ts'

export interface LinearLROptions extends ScheduleOptions {
  /** a, the first factor. Default 1/3. */
  startFactor?: number
  /** b, the last factor. Default 1. */
  endFactor?: number
  /** T, the number of steps between them. Default 5. */
  totalIters?: number
}

/**
 * Changes the factor linearly: `lr = base · (a + (b - a) min(t, T)/T)`. With the defaults a warm-up.
 *
 * @example
 * ```ts
 * const warmup = new LinearLR(optimizer, { startFactor: 0.01, totalIters: 500 })
 * ```
 */
export class LinearLR extends Schedule {
  readonly #startFactor: number
  readonly #endFactor: number
  readonly #totalIters: number

  constructor(optimizer: Scheduled, options: LinearLROptions = {}) {
    super(optimizer, options, {
      startFactor: positiveShare,
      endFactor: share,
      totalIters: wholePositive,
    })
    const { startFactor = 1 / 3, endFactor = 1, totalIters = 5 } = options
    this.demand(startFactor > 0 && startFactor <= 1, 'startFactor', startFactor, 'in (0, 1]')
    this.#startFactor = startFactor
    this.#endFactor = endFactor
    this.#totalIters = totalIters
    this.apply()
  }

  protected override value(t: number, _: number, last: number): number {
    if (t === 0) return last * this.#startFactor
    if (t > this.#totalIters) return last
    const slope = this.#endFactor - this.#startFactor
    return last * (1 + slope / (this.#totalIters * this.#startFactor + (t - 1) * slope))
  }
}
