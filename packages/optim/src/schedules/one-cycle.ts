import { ArgumentError } from '@nablajs/tensor'
import {
  each,
  finite,
  flag,
  oneOf,
  positive,
  rate,
  required,
  share,
  wholePositive,
} from './checks.ts'
import { demandMomentum, setMomentum } from './momentum.ts'
import { perGroup, Schedule, type Scheduled, type ScheduleOptions } from './schedule.ts'

/** The peak, the length of the cycle and its shape. */
export interface OneCycleLROptions extends ScheduleOptions {
  /** The highest value; one for all groups, or one for each. */
  maxLr: number | readonly number[]
  /** T, all steps; or give `epochs` and `stepsPerEpoch`. */
  totalSteps?: number
  epochs?: number
  stepsPerEpoch?: number
  /** The share of the steps in which the value rises. Default 0.3. */
  pctStart?: number
  /** Along half a cosine or a line. Default `cos`. */
  annealStrategy?: 'cos' | 'linear'
  /** The first value is `maxLr / divFactor`. Default 25. */
  divFactor?: number
  /** The last value is the first one divided by this. Default 1e4. */
  finalDivFactor?: number
  /** Fall to the first value as fast as it rose, and to the last one in a third phase. Default false. */
  threePhase?: boolean
  /** Move the momentum (or β₁) the other way. Default true. */
  cycleMomentum?: boolean
  /** The lowest momentum. Default 0.85. */
  baseMomentum?: number | readonly number[]
  /** The highest momentum, where the cycle begins. Default 0.95. */
  maxMomentum?: number | readonly number[]
}

interface Phase {
  /** The step at which it ends. */
  readonly end: number
  readonly rate: readonly ['first' | 'top' | 'last', 'first' | 'top' | 'last']
  readonly momentum: readonly ['low' | 'high', 'low' | 'high']
}

/**
 * One rise and one long fall, for a training whose length is known; called after each batch.
 *
 * Source: L. Smith and N. Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large
 * Learning Rates", arXiv 1708.07120.
 */
export class OneCycleLR extends Schedule {
  readonly #total: number
  readonly #phases: readonly Phase[]
  readonly #linear: boolean
  readonly #rates: (group: number) => Record<'first' | 'top' | 'last', number>
  readonly #momenta: ((group: number) => Record<'low' | 'high', number>) | undefined

  constructor(optimizer: Scheduled, options: OneCycleLROptions) {
    super(optimizer, options, {
      maxLr: required(each(finite)),
      totalSteps: wholePositive,
      epochs: wholePositive,
      stepsPerEpoch: wholePositive,
      pctStart: share,
      annealStrategy: oneOf('cos', 'linear'),
      divFactor: positive,
      finalDivFactor: positive,
      threePhase: flag,
      cycleMomentum: flag,
      baseMomentum: each(rate),
      maxMomentum: each(rate),
    })
    const { maxLr, epochs, stepsPerEpoch, pctStart = 0.3, annealStrategy = 'cos' } = options
    const { divFactor = 25, finalDivFactor = 1e4, threePhase = false } = options
    const { cycleMomentum = true, baseMomentum = 0.85, maxMomentum = 0.95 } = options
    const total = options.totalSteps ?? (epochs ?? 0) * (stepsPerEpoch ?? 0)
    this.demand(
      Number.isInteger(total) && total > 0,
      'totalSteps',
      total,
      'a whole number > 0, or epochs and stepsPerEpoch',
    )
    this.#total = total
    this.#linear = annealStrategy === 'linear'
    const rise = pctStart * total - 1
    this.#phases = [
      { end: rise, rate: ['first', 'top'], momentum: ['high', 'low'] },
      ...(threePhase
        ? ([
            { end: 2 * pctStart * total - 2, rate: ['top', 'first'], momentum: ['low', 'high'] },
            { end: total - 1, rate: ['first', 'last'], momentum: ['high', 'high'] },
          ] as const)
        : ([{ end: total - 1, rate: ['top', 'last'], momentum: ['low', 'high'] }] as const)),
    ]
    const topOf = perGroup(optimizer, maxLr, 'OneCycleLR: maxLr')
    this.#rates = (group) => {
      const top = topOf(group)
      return { top, first: top / divFactor, last: top / divFactor / finalDivFactor }
    }
    if (cycleMomentum) {
      demandMomentum(optimizer.paramGroups, 'OneCycleLR')
      const high = perGroup(optimizer, maxMomentum, 'OneCycleLR: maxMomentum')
      const low = perGroup(optimizer, baseMomentum, 'OneCycleLR: baseMomentum')
      this.#momenta = (group) => ({ low: low(group), high: high(group) })
    }
    this.apply()
  }

  /** The phase of a step, and how much of it has passed. */
  #at(t: number): [Phase, number] {
    const at = this.#phases.findIndex(({ end }) => t <= end)
    const i = at < 0 ? this.#phases.length - 1 : at
    const start = i === 0 ? 0 : this.#phases[i - 1]!.end
    const phase = this.#phases[i]!
    return [phase, (t - start) / (phase.end - start)]
  }

  #between(from: number, to: number, passed: number): number {
    if (this.#linear) return (to - from) * passed + from
    return to + ((from - to) / 2) * (1 + Math.cos(Math.PI * passed))
  }

  protected override value(t: number, _: number, __: number, group: number): number {
    if (t > this.#total)
      throw new ArgumentError(
        `OneCycleLR: this is step ${t}; totalSteps is ${this.#total}, so there are no more`,
      )
    const [{ rate }, passed] = this.#at(t)
    const rates = this.#rates(group)
    return this.#between(rates[rate[0]], rates[rate[1]], passed)
  }

  protected override apply(): void {
    super.apply()
    const [{ momentum }, passed] = this.#at(this.lastEpoch)
    const momenta = this.#momenta
    if (!momenta) return
    this.optimizer.paramGroups.forEach((group, i) => {
      const own = momenta(i)
      setMomentum(group, this.#between(own[momentum[0]], own[momentum[1]], passed))
    })
  }
}
