import { finite, required, wholePositive } from './checks.ts'
import { Schedule, type Scheduled, type ScheduleOptions, type ScheduleState } from './schedule.ts'

export interface CosineAnnealingWarmRestartsOptions extends ScheduleOptions {
  /** T₀, the steps of the first period. */
  t0: number
  /** How many times as long each period is as the one before. Default 1. */
  tMult?: number
  /** η, the lowest value. Default 0. */
  etaMin?: number
}

/**
 * Falls along half a cosine, jumps back to the top and begins again:
 * `lr = η + (base - η)(1 + cos(πc/T))/2` with c the step within a period of T.
 *
 * Source: I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", arXiv
 * 1608.03983.
 */
export class CosineAnnealingWarmRestarts extends Schedule {
  readonly #t0: number
  readonly #tMult: number
  readonly #etaMin: number
  #current = 0
  #period: number

  constructor(optimizer: Scheduled, options: CosineAnnealingWarmRestartsOptions) {
    super(optimizer, options, { t0: required(wholePositive), tMult: wholePositive, etaMin: finite })
    const { t0, tMult = 1, etaMin = 0 } = options
    this.#t0 = t0
    this.#tMult = tMult
    this.#etaMin = etaMin
    this.#period = t0
    this.apply()
  }

  override step(): void {
    this.#current++
    if (this.#current >= this.#period) {
      this.#current -= this.#period
      this.#period *= this.#tMult
    }
    super.step()
  }

  override reset(): void {
    super.reset()
    this.#current = 0
    this.#period = this.#t0
  }

  protected override value(_: number, base: number): number {
    const height = (1 + Math.cos((Math.PI * this.#current) / this.#period)) / 2
    return this.#etaMin + (base - this.#etaMin) * height
  }

  protected override memory(): ScheduleState {
    return { T_cur: this.#current, T_i: this.#period }
  }

  protected override remember(state: ScheduleState): void {
    this.#current = Number(state['T_cur'])
    this.#period = Number(state['T_i'])
  }
}
