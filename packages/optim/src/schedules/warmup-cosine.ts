import { nonNegative, positive, required } from './checks.ts'
import { Schedule, type Scheduled, type ScheduleOptions } from './schedule.ts'

export interface WarmupCosineLROptions extends ScheduleOptions {
  /** w, the steps of the rise. */
  warmupSteps: number
  /** T, all steps. */
  totalSteps: number
  /** The first factor. Default 0. */
  startFactor?: number
  /** The last factor. Default 0. */
  endFactor?: number
}

/**
 * Rises linearly for w steps, then falls along half a cosine until step T, and stays.
 *
 * ```text
 * lr = base · (a + (1 - a) t/w)                           t < w,  a = startFactor
 * lr = base · (b + (1 - b)(1 + cos(π(t - w)/(T - w)))/2)          b = endFactor
 * ```
 *
 * @example
 * ```ts
 * const schedule = new WarmupCosineLR(optimizer, { warmupSteps: 500, totalSteps: 20_000 })
 * ```
 */
export class WarmupCosineLR extends Schedule {
  readonly #warmupSteps: number
  readonly #totalSteps: number
  readonly #startFactor: number
  readonly #endFactor: number

  constructor(optimizer: Scheduled, options: WarmupCosineLROptions) {
    super(optimizer, options, {
      warmupSteps: required(nonNegative),
      totalSteps: required(positive),
      startFactor: nonNegative,
      endFactor: nonNegative,
    })
    const { warmupSteps, totalSteps, startFactor = 0, endFactor = 0 } = options
    this.demand(totalSteps > warmupSteps, 'totalSteps', totalSteps, '> warmupSteps')
    this.#warmupSteps = warmupSteps
    this.#totalSteps = totalSteps
    this.#startFactor = startFactor
    this.#endFactor = endFactor
    this.apply()
  }

  protected override value(t: number, base: number): number {
    const [w, a, b] = [this.#warmupSteps, this.#startFactor, this.#endFactor]
    if (t < w) return base * (a + ((1 - a) * t) / w)
    const done = Math.min(1, (t - w) / (this.#totalSteps - w))
    return base * (b + ((1 - b) * (1 + Math.cos(Math.PI * done))) / 2)
  }
}
