import { positive, required, wholePositive } from './checks.ts'
import { Schedule, type Scheduled, type ScheduleOptions } from './schedule.ts'

export interface NoamLROptions extends ScheduleOptions {
  /** d, the width of the model. */
  modelSize: number
  /** w. Default 4000. */
  warmupSteps?: number
}

/**
 * The schedule of the first transformers: `lr = base · d^-½ · min((t + 1)^-½, (t + 1) w^-3⁄2)`, with a base
 * of 1 or so.
 *
 * Source: A. Vaswani et al., "Attention Is All You Need", arXiv 1706.03762.
 */
export class NoamLR extends Schedule {
  readonly #modelSize: number
  readonly #warmupSteps: number

  constructor(optimizer: Scheduled, options: NoamLROptions) {
    super(optimizer, options, { modelSize: required(positive), warmupSteps: wholePositive })
    const { modelSize, warmupSteps = 4000 } = options
    this.#modelSize = modelSize
    this.#warmupSteps = warmupSteps
    this.apply()
  }

  protected override value(t: number, base: number): number {
    const step = t + 1
    const factor = Math.min(step ** -0.5, step * this.#warmupSteps ** -1.5)
    return base * this.#modelSize ** -0.5 * factor
  }
}
