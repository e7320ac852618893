import { each, finite, oneOf, required, wholeNonNegative } from './checks.ts'
import { perGroup, Schedule, type Scheduled, type ScheduleOptions } from './schedule.ts'

export interface SWALROptions extends ScheduleOptions {
  /** The value to arrive at; one for all groups, or one for each. */
  swaLr: number | readonly number[]
  /** T, in how many steps. Default 10. */
  annealEpochs?: number
  /** Along half a cosine or a line. Default `cos`. */
  annealStrategy?: 'cos' | 'linear'
}

/**
 * Goes from the present value to a constant one, for averaging weights; within {@link SequentialLR} from
 * the value that the schedule before left.
 *
 * ```text
 * lr = αs + (1 - α)base,   α = (1 - cos(πx))/2 or x,   x = min(t/T, 1)
 * ```
 *
 * Source: P. Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization",
 * arXiv 1803.05407.
 */
export class SWALR extends Schedule {
  readonly #swaLr: (group: number) => number
  readonly #annealEpochs: number
  readonly #annealStrategy: 'cos' | 'linear'

  constructor(optimizer: Scheduled, options: SWALROptions) {
    super(optimizer, options, {
      swaLr: required(each(finite)),
      annealEpochs: wholeNonNegative,
      annealStrategy: oneOf('cos', 'linear'),
    })
    const { swaLr, annealEpochs = 10, annealStrategy = 'cos' } = options
    this.#swaLr = perGroup(optimizer, swaLr, 'SWALR: swaLr')
    this.#annealEpochs = annealEpochs
    this.#annealStrategy = annealStrategy
    this.apply()
  }

  /** @internal It goes on from what it finds. */
  override follow(): void {
    this.lastEpoch = 0
    this.apply()
  }

  protected override value(t: number, _: number, last: number, group: number): number {
    const aim = this.#swaLr(group)
    const epochs = this.#annealEpochs
    const step = epochs === 0 ? Math.max(1, t) : t
    const share = (at: number): number => {
      const x = Math.max(0, Math.min(1, at / Math.max(1, epochs)))
      return this.#annealStrategy === 'cos' ? (1 - Math.cos(Math.PI * x)) / 2 : x
    }
    const before = share(step - 1)
    const start = before === 1 ? aim : (last - before * aim) / (1 - before)
    return aim * share(step) + start * (1 - share(step))
  }
}
