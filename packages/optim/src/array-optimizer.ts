import { ArgumentError, type Backend, type Shape, type Tensor, tensor } from '@nablajs/tensor'
import { refuseUnknown } from './known.ts'
import { Mirror } from './mirror.ts'
import { demandReadable } from './readable.ts'

/** Numbers that an {@link ArrayOptimizer} steps in place. */
export type NumberArray = Float32Array | Float64Array | number[]

/** What an {@link ArrayOptimizer} needs of an optimizer: any of this package has it. */
export interface Stepping {
  step(): void
  step(closure: () => Tensor): Tensor
  dispose(): void
}

export interface ArrayOptimizerOptions {
  /** Shapes, for methods that look at matrices or layers. Default: vectors. */
  shapes?: readonly Shape[]
  /** Where to compute; one that can be read at once. Default: the one set with `setDevice`. */
  device?: Backend
}

/**
 * Steps plain arrays in place, with gradients that come from anywhere: no tensors, no model, no loss.
 * Any optimizer will do; it still runs one kernel for each array and step, in float32 for a
 * `Float32Array` and else in float64.
 *
 * @example
 * ```ts
 * const weights = new Float32Array([1, -2, 3])
 * const optimizer = new ArrayOptimizer([weights], (params) => new AdamW(params, { lr: 0.1 }))
 * for (let i = 0; i < 100; i++) optimizer.step([weights.map((w) => 2 * w)])
 * optimizer.inner.paramGroups[0].lr = 0.01
 * ```
 *
 * Methods that need no gradients take a function instead:
 *
 * @example
 * ```ts
 * const point = [-1.2, 1]
 * const optimizer = new ArrayOptimizer([point], (params) => new NelderMead(params))
 * const valley = () => (1 - point[0]) ** 2 + 100 * (point[1] - point[0] ** 2) ** 2
 * for (let i = 0; i < 100; i++) optimizer.step(valley)
 * ```
 */
export class ArrayOptimizer<Inner extends Stepping> {
  /** The optimizer: for its groups, its state, and schedules. */
  readonly inner: Inner
  readonly #arrays: readonly NumberArray[]
  readonly #mirrors: readonly Mirror[]

  /**
   * @param arrays What to step. They stay yours: change them between steps as you like.
   * @param make Makes the optimizer from its parameters, one for each array and in their order.
   */
  constructor(
    arrays: readonly NumberArray[],
    make: (params: readonly Tensor[]) => Inner,
    options: ArrayOptimizerOptions = {},
  ) {
    refuseUnknown('ArrayOptimizer', options, ['shapes', 'device'])
    const { shapes, device } = options
    if (shapes && shapes.length !== arrays.length)
      throw new ArgumentError(
        `ArrayOptimizer: ${shapes.length} shapes came for ${arrays.length} arrays; give one for each`,
      )
    this.#arrays = arrays
    this.#mirrors = arrays.map(
      (array, i) =>
        new Mirror(array, {
          shape: shapes?.[i] ?? [array.length],
          dtype: array instanceof Float32Array ? 'f32' : 'f64',
          ...(device && { device }),
        }),
    )
    demandReadable(
      'ArrayOptimizer',
      this.#mirrors.map(({ parameter }) => parameter),
      'give it a device that can, such as a CPU',
    )
    this.inner = make(this.#mirrors.map(({ parameter }) => parameter))
  }

  /**
   * Updates the arrays: with their gradients (an `undefined` one leaves its array alone), or with the
   * function that gives the loss from the arrays as they are, for methods without gradients. Returns
   * the loss in the second case.
   *
   * @throws ArgumentError when gradients do not fit the arrays.
   */
  step(gradients: readonly (ArrayLike<number> | undefined)[]): void
  step(loss: () => number): number
  step(given: readonly (ArrayLike<number> | undefined)[] | (() => number)): number | undefined {
    this.#mirrors.forEach((mirror, i) => {
      mirror.write(this.#arrays[i]!)
    })
    if (typeof given === 'function') return this.#search(given)
    if (given.length !== this.#arrays.length)
      throw new ArgumentError(
        `ArrayOptimizer: ${given.length} gradients came for ${this.#arrays.length} arrays; give one for each`,
      )
    given.forEach((gradient, i) => {
      const { length } = this.#arrays[i]!
      if (gradient && gradient.length !== length)
        throw new ArgumentError(
          `ArrayOptimizer: gradient ${i} has ${gradient.length} numbers; array ${i} has ${length}`,
        )
    })
    this.#mirrors.forEach((mirror, i) => {
      mirror.setGradient(given[i])
    })
    this.inner.step()
    this.#pull()
    return undefined
  }

  #search(loss: () => number): number {
    const { dtype, device } = this.#mirrors[0]!.parameter
    const value = this.inner.step(() => {
      this.#pull()
      return tensor(loss(), { dtype, device })
    })
    this.#pull()
    const result = value.itemSync()
    value.dispose()
    return result
  }

  #pull(): void {
    this.#mirrors.forEach((mirror, k) => {
      const [array, values] = [this.#arrays[k]!, mirror.read()]
      for (let i = 0; i < array.length; i++) array[i] = values[i]!
    })
  }

  /** Frees what is on the device, the optimizer's state included; the arrays are yours. */
  dispose(): void {
    this.inner.dispose()
    for (const mirror of this.#mirrors) mirror.dispose()
  }
}
