import { each, finite, flag, func, oneOf, positive, rate, required } from './checks.ts'
import { demandMomentum, setMomentum } from './momentum.ts'
import { perGroup, Schedule, type Scheduled, type ScheduleOptions } from './schedule.ts'

export interface CyclicLROptions extends ScheduleOptions {
  /** The lower value; one for all groups, or one for each. */
  baseLr: number | readonly number[]
  /** The upper value of the first cycle; one for all groups, or one for each. */
  maxLr: number | readonly number[]
  /** The steps of the rise. Default 2000. */
  stepSizeUp?: number
  /** The steps of the fall. Default: as many. */
  stepSizeDown?: number
  /** Cycles of one height, of half the height each time, or of γᵗ times the height. Default `triangular`. */
  mode?: 'triangular' | 'triangular2' | 'exp_range'
  /** γ of the mode `exp_range`. Default 1. */
  gamma?: number
  /** A height of your own, in place of `mode`. */
  scaleFn?: (x: number) => number
  /** Whether `scaleFn` gets the number of the cycle (from 1) or of the step. Default `cycle`. */
  scaleMode?: 'cycle' | 'iterations'
  /** Move the momentum (or β₁) the other way. Default true. */
  cycleMomentum?: boolean
  /** The lower momentum. Default 0.8. */
  baseMomentum?: number | readonly number[]
  /** The upper momentum, where cycles begin. Default 0.9. */
  maxMomentum?: number | readonly number[]
}

/**
 * Goes up and down between two values.
 *
 * ```text
 * c = ⌊1 + t/T⌋,   x = 1 + t/T - c,   r = up/T,   T = up + down
 * s = x/r if x <= r, else (x - 1)/(r - 1)
 * lr = base + (max - base) s · h,   h = 1, 2^(1 - c) or γᵗ
 * momentum = max - (max - base) s · h
 * ```
 *
 * Source: L. Smith, "Cyclical Learning Rates for Training Neural Networks", arXiv 1506.01186.
 */
export class CyclicLR extends Schedule {
  readonly #low: (group: number) => number
  readonly #high: (group: number) => number
  readonly #total: number
  readonly #ratio: number
  readonly #height: (cycle: number, t: number) => number
  readonly #momenta: { low: (group: number) => number; high: (group: number) => number } | undefined

  constructor(optimizer: Scheduled, options: CyclicLROptions) {
    super(optimizer, options, {
      baseLr: required(each(finite)),
      maxLr: required(each(finite)),
      stepSizeUp: positive,
      stepSizeDown: positive,
      mode: oneOf('triangular', 'triangular2', 'exp_range'),
      gamma: finite,
      scaleFn: func,
      scaleMode: oneOf('cycle', 'iterations'),
      cycleMomentum: flag,
      baseMomentum: each(rate),
      maxMomentum: each(rate),
    })
    const { baseLr, maxLr, stepSizeUp = 2000, stepSizeDown = stepSizeUp } = options
    const { mode = 'triangular', gamma = 1, scaleFn, scaleMode = 'cycle' } = options
    const { cycleMomentum = true, baseMomentum = 0.8, maxMomentum = 0.9 } = options
    const heights = {
      triangular: () => 1,
      triangular2: (cycle: number) => 2 ** (1 - cycle),
      exp_range: (_: number, t: number) => gamma ** t,
    }
    this.#height = scaleFn
      ? (cycle, t) => scaleFn(scaleMode === 'cycle' ? cycle : t)
      : heights[mode]
    this.#low = perGroup(optimizer, baseLr, 'CyclicLR: baseLr')
    this.#high = perGroup(optimizer, maxLr, 'CyclicLR: maxLr')
    this.#total = stepSizeUp + stepSizeDown
    this.#ratio = stepSizeUp / this.#total
    if (cycleMomentum) {
      demandMomentum(optimizer.paramGroups, 'CyclicLR')
      this.#momenta = {
        low: perGroup(optimizer, baseMomentum, 'CyclicLR: baseMomentum'),
        high: perGroup(optimizer, maxMomentum, 'CyclicLR: maxMomentum'),
      }
    }
    this.apply()
  }

  #scale(t: number): number {
    const turns = 1 + t / this.#total
    const cycle = Math.floor(turns)
    const x = turns - cycle
    const ratio = this.#ratio
    const rise = x <= ratio ? x / ratio : (x - 1) / (ratio - 1)
    return rise * this.#height(cycle, t)
  }

  protected override value(t: number, _: number, __: number, group: number): number {
    const low = this.#low(group)
    return low + (this.#high(group) - low) * this.#scale(t)
  }

  protected override apply(): void {
    super.apply()
    const { low, high } = this.#momenta ?? {}
    if (low && high)
      this.optimizer.paramGroups.forEach((group, i) => {
        setMomentum(group, high(i) - (high(i) - low(i)) * this.#scale(this.lastEpoch))
      })
  }
}
