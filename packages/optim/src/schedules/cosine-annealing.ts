import { finite, required, wholePositive } from './checks.ts'
import { Schedule, type Scheduled, type ScheduleOptions } from './schedule.ts'

export interface CosineAnnealingLROptions extends ScheduleOptions {
  /** T, the steps from the top to the bottom. */
  tMax: number
  /** η, the lowest value. Default 0. */
  etaMin?: number
}

/**
 * Falls along half a cosine: `lr = η + (base - η)(1 + cos(πt/T))/2`. Beyond T it rises again.
 *
 * Source: I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", arXiv
 * 1608.03983 (without the restarts).
 *
 * @example
 * ```ts
 * const schedule = new CosineAnnealingLR(optimizer, { tMax: epochs })
 * ```
 */
export class CosineAnnealingLR extends Schedule {
  readonly #tMax: number
  readonly #etaMin: number

  constructor(optimizer: Scheduled, options: CosineAnnealingLROptions) {
    super(optimizer, options, { tMax: required(wholePositive), etaMin: finite })
    const { tMax, etaMin = 0 } = options
    this.#tMax = tMax
    this.#etaMin = etaMin
    this.apply()
  }

  protected override value(t: number, base: number, last: number): number {
    if (t === 0) return last
    const [T, least] = [this.#tMax, this.#etaMin]
    const height = (step: number): number => 1 + Math.cos((Math.PI * step) / T)
    // From the very bottom no factor leads up again.
    if ((t - 1 - T) % (2 * T) === 0) return last + ((base - least) * (2 - height(1))) / 2
    return (height(t) / height(t - 1)) * (last - least) + least
  }
}
