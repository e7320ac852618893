import { noGrad, scope, type Tensor } from '@nablajs/tensor'
import { type Program, program, randomWords, select, updateInPlace } from '@nablajs/tensor/program'
import { demandClosure } from '../one-vector.ts'
import { Optimizer, type ParametersInput } from '../optimizer.ts'
import { nonNegative, positive } from '../ranges.ts'
import type { Declaration } from '../transform.ts'

export interface SPSAOptions {
  /** Learning rate a. Default 1e-2. */
  lr: number
  /** c, how far from the parameters the loss is looked at. Default 1e-3. */
  c: number
  /** α, the power by which the rate falls. Default 0.602. */
  alpha: number
  /** γ, the power by which c falls. Default 0.101. */
  gamma: number
  /** A, how many steps the rate is held back at first. Default 0. */
  stability: number
  /** Of the directions, a whole number. Default 0. */
  seed: number
}

const spsa: Declaration<SPSAOptions> = {
  name: 'SPSA',
  reads: true,
  defaults: { lr: 1e-2, c: 1e-3, alpha: 0.602, gamma: 0.101, stability: 0, seed: 0 },
  ranges: [
    nonNegative('lr'),
    positive('c'),
    nonNegative('alpha'),
    nonNegative('gamma'),
    nonNegative('stability'),
    {
      option: 'seed',
      says: 'a whole number in 0 .. 4294967295',
      holds: ({ seed }) => Number.isInteger(seed) && seed >= 0 && seed <= 0xffffffff,
    },
  ],
}

/** `p ← p + wΔ`, where every element of Δ is 1 or -1, drawn again from its key each time. */
const shift = (dtype: Tensor['dtype']): Program =>
  program(
    { name: 'SPSA', inputs: [dtype], scalars: [dtype, 'u32', 'u32'] },
    (p, w, seed, stream) => {
      const [word] = randomWords(seed!, stream!)
      return p!.add(select(word.and(1).eq(0), w!, w!.neg()))
    },
  )

/**
 * SPSA: goes down without gradients. All parameters are shaken at once in a random direction Δ of ones
 * and minus ones, and two values of the loss tell how steep it is there, however many parameters there
 * are. For losses that cannot be differentiated.
 *
 * ```text
 * cₜ = c/t^γ,   aₜ = a/(A + t)^α
 * p ← p - aₜ (L(p + cₜΔ) - L(p - cₜΔ))/(2cₜ) Δ
 * ```
 *
 * with a = `lr`, c = `c`, α = `alpha`, γ = `gamma`, A = `stability`. Directions need no memory: they are
 * drawn again from `seed`. `step` needs the function, calls it twice and returns the mean of the two
 * losses, which it reads back from the device; where one is infinite or NaN, parameters stay. Groups share `c`, `gamma` and `seed` of the first one.
 *
 * @example
 * ```ts
 * const optimizer = new SPSA(model.parameters(), { lr: 1e-3, seed: 7 })
 * optimizer.step(() => errors(model))
 * ```
 *
 * Sources: J. Spall, "Multivariate Stochastic Approximation Using a Simultaneous Perturbation Gradient
 * Approximation" (1992); S. Malladi et al., "Fine-Tuning Language Models with Just Forward Passes",
 * arXiv 2305.17333 (drawing directions again).
 */
export class SPSA extends Optimizer<SPSAOptions> {
  constructor(params: ParametersInput<SPSAOptions>, options: Partial<SPSAOptions> = {}) {
    super(params, spsa, options)
  }

  // `advance` does it all: there are no gradients.
  protected override update(): void {}

  protected override advance(closure: (() => Tensor) | undefined): Tensor {
    demandClosure('SPSA', closure)
    return noGrad(() =>
      scope(() => {
        const [first] = this.paramGroups
        const t = this.#count()
        const near = first!.c / t ** first!.gamma
        let away = 0
        let slope = 0
        const look = (at: number): Tensor => {
          this.#shift(t, () => at - away)
          away = at
          return closure()
        }
        try {
          const above = look(near)
          const high = above.itemSync()
          const below = look(-near)
          const found = (high - below.itemSync()) / (2 * near)
          if (Number.isFinite(found)) slope = found
          return above.add(below).mul(0.5)
        } finally {
          // Without a slope, parameters go back to where they were.
          this.#shift(
            t,
            ({ lr, alpha, stability }) => -away - (lr / (stability + t) ** alpha) * slope,
          )
        }
      }),
    )
  }

  /** Counts this step and gives its number. */
  #count(): number {
    const steps = this.paramGroups.flatMap((group) =>
      group.params.map((parameter) => ++this.stateOf(parameter, group).step),
    )
    return Math.max(...steps)
  }

  /** Moves all parameters along the direction of step `t`. */
  #shift(t: number, by: (group: SPSAOptions) => number): void {
    const { seed } = this.paramGroups[0]!
    const total = this.paramGroups.reduce((n, { params }) => n + params.length, 0)
    let stream = t * total
    for (const group of this.paramGroups)
      for (const parameter of group.params) {
        const scalars = [by(group), seed, stream++ % 2 ** 32]
        updateInPlace(shift(parameter.dtype), [parameter], [parameter], scalars)
      }
  }
}
