import { ArgumentError } from '@nablajs/tensor'
import { list, required } from './checks.ts'
import { Schedule, type Scheduled, type ScheduleOptions, type ScheduleState } from './schedule.ts'

export interface SequentialLROptions extends ScheduleOptions {
  /** The schedules, in order. */
  schedulers: readonly Schedule[]
  /** At which step each but the first begins. */
  milestones: readonly number[]
}

/**
 * One schedule after another; each starts at its own step 0 and from the first values, only
 * {@link MultiplicativeLR} and {@link SWALR} from the value that they find.
 *
 * @example
 * ```ts
 * const warmup = new LinearLR(optimizer, { startFactor: 0.1, totalIters: 5 })
 * const cosine = new CosineAnnealingLR(optimizer, { tMax: 95 })
 * const schedule = new SequentialLR(optimizer, { schedulers: [warmup, cosine], milestones: [5] })
 * ```
 */
export class SequentialLR extends Schedule {
  readonly #schedulers: readonly Schedule[]
  readonly #milestones: readonly number[]

  constructor(optimizer: Scheduled, options: SequentialLROptions) {
    super(optimizer, options, { schedulers: required(list), milestones: required(list) })
    const { schedulers, milestones } = options
    if (schedulers.length === 0 || milestones.length !== schedulers.length - 1)
      throw new ArgumentError(
        `SequentialLR: ${schedulers.length} schedulers with ${milestones.length} milestones; it must be one milestone between any two`,
      )
    this.demand(
      milestones.every((milestone, i) => milestone > (milestones[i - 1] ?? 0)),
      'milestones',
      milestones,
      'rising numbers > 0',
    )
    this.#schedulers = schedulers
    this.#milestones = milestones
    for (const scheduler of [...schedulers].reverse()) scheduler.reset()
    schedulers[0]!.restart()
  }

  override step(): void {
    this.lastEpoch++
    const begun = this.#milestones.filter((milestone) => milestone <= this.lastEpoch).length
    const current = this.#schedulers[begun]!
    if (this.#milestones[begun - 1] === this.lastEpoch) current.follow()
    else current.step()
  }

  override restart(): void {
    this.lastEpoch = 0
    this.#schedulers[0]!.restart()
  }

  protected override value(_: number, __: number, last: number): number {
    return last
  }

  protected override memory(): ScheduleState {
    return { _schedulers: this.#schedulers.map((scheduler) => scheduler.stateDict()) }
  }

  protected override remember(state: ScheduleState): void {
    const states = state['_schedulers'] as readonly ScheduleState[]
    this.#schedulers.forEach((scheduler, i) => {
      scheduler.loadStateDict(states[i]!)
    })
  }
}
