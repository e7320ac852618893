import { ArgumentError } from '@nablajs/tensor'
import { each, finite, nonNegative, oneOf, rate } from './checks.ts'
import {
  perGroup,
  Schedule,
  type Scheduled,
  type ScheduleOptions,
  type ScheduleState,
} from './schedule.ts'

export interface ReduceLROnPlateauOptions extends ScheduleOptions {
  /** Whether the metric shall fall or rise. Default `min`. */
  mode?: 'min' | 'max'
  /** What the value is multiplied by. Default 0.1. */
  factor?: number
  /** How many steps without improvement are let pass. Default 10. */
  patience?: number
  /** How much better is better. Default 1e-4. */
  threshold?: number
  /** Whether that is a share of the best value or a difference. Default `rel`. */
  thresholdMode?: 'rel' | 'abs'
  /** How many steps after a reduction do not count. Default 0. */
  cooldown?: number
  /** The lowest value; one for all groups, or one for each. Default 0. */
  minLr?: number | readonly number[]
  /** Reductions smaller than this are left out. Default 1e-8. */
  eps?: number
}

/**
 * Reduces the value when a metric no longer improves; `step(metric)` after each epoch.
 *
 * @example
 * ```ts
 * const schedule = new ReduceLROnPlateau(optimizer, { factor: 0.5, patience: 3 })
 * schedule.step(validationLoss)
 * ```
 */
export class ReduceLROnPlateau extends Schedule {
  readonly #options: Required<Omit<ReduceLROnPlateauOptions, 'minLr' | 'option'>>
  readonly #least: (group: number) => number
  #best: number
  #bad = 0
  #cooling = 0

  constructor(optimizer: Scheduled, options: ReduceLROnPlateauOptions = {}) {
    super(optimizer, options, {
      mode: oneOf('min', 'max'),
      factor: rate,
      patience: nonNegative,
      threshold: finite,
      thresholdMode: oneOf('rel', 'abs'),
      cooldown: nonNegative,
      minLr: each(finite),
      eps: nonNegative,
    })
    const { mode = 'min', factor = 0.1, patience = 10, threshold = 1e-4 } = options
    const { thresholdMode = 'rel', cooldown = 0, minLr = 0, eps = 1e-8 } = options
    this.demand(factor >= 0 && factor < 1, 'factor', factor, 'in [0, 1)')
    this.#options = { mode, factor, patience, threshold, thresholdMode, cooldown, eps }
    this.#least = perGroup(optimizer, minLr, 'ReduceLROnPlateau: minLr')
    this.#best = this.#worst
  }

  get #worst(): number {
    return this.#options.mode === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
  }

  /** Tells the metric after an epoch. */
  override step(metric?: number): void {
    if (typeof metric !== 'number')
      throw new ArgumentError(
        'ReduceLROnPlateau: no metric came; call step(metric) with a plain number',
      )
    const { patience, cooldown } = this.#options
    this.lastEpoch++
    if (this.#isBetter(metric)) {
      this.#best = metric
      this.#bad = 0
    } else this.#bad++
    if (this.#cooling > 0) {
      this.#cooling--
      this.#bad = 0
    }
    if (this.#bad > patience) {
      this.apply()
      this.#cooling = cooldown
      this.#bad = 0
    }
  }

  #isBetter(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.#options
    const sign = mode === 'min' ? -1 : 1
    const best = this.#best
    return thresholdMode === 'rel'
      ? sign * metric > sign * best * (1 + sign * threshold)
      : sign * metric > sign * best + threshold
  }

  protected override value(_: number, __: number, last: number, group: number): number {
    const next = Math.max(last * this.#options.factor, this.#least(group))
    return last - next > this.#options.eps ? next : last
  }

  protected override memory(): ScheduleState {
    // JSON has no infinities: before the first metric there is no best one.
    const best = Number.isFinite(this.#best) ? this.#best : null
    return { best, num_bad_epochs: this.#bad, cooldown_counter: this.#cooling }
  }

  protected override remember(state: ScheduleState): void {
    this.#best = state['best'] === null ? this.#worst : Number(state['best'])
    this.#bad = Number(state['num_bad_epochs'])
    this.#cooling = Number(state['cooldown_counter'])
  }
}
