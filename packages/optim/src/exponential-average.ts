import { ArgumentError } from '@nablajs/tensor'
import { refuseUnknown } from './known.ts'

/**
 * An exponentially weighted average of numbers, such as losses: about the last 1/(1 - β) of them.
 *
 * ```text
 * v ← βv + (1 - β)x
 * average = v / (1 - βᵗ)
 * ```
 *
 * The division takes away the bias of the first averages towards 0.
 *
 * @example
 * ```ts
 * const smooth = new ExponentialAverage(0.98)
 * console.log(smooth.update(await loss.item()))
 * ```
 */
export class ExponentialAverage {
  readonly beta: number
  readonly #corrected: boolean
  #sum = 0
  #count = 0

  /** @param biasCorrection Whether to divide by 1 - βᵗ. Default true. */
  constructor(beta: number, options: { biasCorrection?: boolean } = {}) {
    refuseUnknown('ExponentialAverage', options, ['biasCorrection'])
    const { biasCorrection = true } = options
    if (!(beta >= 0 && beta < 1))
      throw new ArgumentError(`ExponentialAverage: beta is ${beta}; it must be in [0, 1)`)
    this.beta = beta
    this.#corrected = biasCorrection
  }

  /** Takes a number in and gives the average. */
  update(value: number): number {
    this.#sum = this.beta * this.#sum + (1 - this.beta) * value
    this.#count++
    return this.value
  }

  /** The average so far; NaN before the first number. */
  get value(): number {
    if (this.#count === 0) return Number.NaN
    return this.#corrected ? this.#sum / (1 - this.beta ** this.#count) : this.#sum
  }
}
