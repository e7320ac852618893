import { nonNegative, oneOf, required, wholePositive } from './checks.ts'
import { Schedule, type Scheduled, type ScheduleOptions } from './schedule.ts'

const falls = {
  linear: (x: number): number => 1 - x,
  cosine: (x: number): number => (1 + Math.cos(Math.PI * x)) / 2,
  sqrt: (x: number): number => 1 - Math.sqrt(x),
}

export interface WarmupStableDecayLROptions extends ScheduleOptions {
  /** w, the steps of the rise. */
  warmupSteps: number
  /** s, the steps at the base value. */
  stableSteps: number
  /** d, the steps of the fall. */
  decaySteps: number
  /** b, the last factor. Default 0. */
  endFactor?: number
  /** The shape of the fall; `sqrt` is 1 - √. Default `linear`. */
  decay?: 'linear' | 'cosine' | 'sqrt'
}

/**
 * Rises, stays, falls (WSD): the long middle has no fixed end, so a training can be prolonged from any
 * point of it.
 *
 * ```text
 * lr = base · (t + 1)/w                  t < w
 * lr = base                              t < w + s
 * lr = base · (b + (1 - b) f(x))         x = (t - w - s)/d up to 1
 * f(x) = 1 - x, (1 + cos πx)/2 or 1 - √x
 * ```
 *
 * Sources: S. Hu et al., "MiniCPM", arXiv 2404.06395; A. Hägele et al., "Scaling Laws and
 * Compute-Optimal Training Beyond Fixed Training Durations", arXiv 2405.18392 (1 - √).
 */
export class WarmupStableDecayLR extends Schedule {
  readonly #warmupSteps: number
  readonly #stableSteps: number
  readonly #decaySteps: number
  readonly #endFactor: number
  readonly #decay: 'linear' | 'cosine' | 'sqrt'

  constructor(optimizer: Scheduled, options: WarmupStableDecayLROptions) {
    super(optimizer, options, {
      warmupSteps: required(nonNegative),
      stableSteps: required(nonNegative),
      decaySteps: required(wholePositive),
      endFactor: nonNegative,
      decay: oneOf('linear', 'cosine', 'sqrt'),
    })
    const { warmupSteps, stableSteps, decaySteps, endFactor = 0, decay = 'linear' } = options
    this.#warmupSteps = warmupSteps
    this.#stableSteps = stableSteps
    this.#decaySteps = decaySteps
    this.#endFactor = endFactor
    this.#decay = decay
    this.apply()
  }

  protected override value(t: number, base: number): number {
    const [w, b] = [this.#warmupSteps, this.#endFactor]
    if (t < w) return (base * (t + 1)) / w
    const done = Math.min(1, Math.max(0, (t - w - this.#stableSteps) / this.#decaySteps))
    return base * (b + (1 - b) * falls[this.#decay](done))
  }
}
