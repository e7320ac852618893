/** Dropout of more than single elements. */
import {
  ArgumentError,
  defaultGenerator,
  dropout,
  type Generator,
  ones,
  ShapeError,
  showShape,
  type Tensor,
  where,
} from '@nablajs/tensor'
import { floatType } from '../check.ts'
import { Module } from '../module.ts'
import type { DropoutOptions } from './dropout.ts'

/** What the members of the family share: their probability, and when they act. */
abstract class Dropping extends Module {
  readonly p: number
  readonly #generator: Generator

  constructor(p: number, options: DropoutOptions) {
    super()
    if (!(p >= 0 && p <= 1))
      throw new ArgumentError(`${this.constructor.name}: p is ${p}; it must be in 0 .. 1`)
    this.p = p
    this.#generator = options.generator ?? defaultGenerator()
  }

  forward(x: Tensor): Tensor {
    return this.training && this.p > 0 ? this.drop(x) : x
  }

  protected abstract drop(x: Tensor): Tensor

  /** 0 with probability p, else `1 / (1 - p)`. */
  protected mask(x: Tensor, shape: readonly number[]): Tensor {
    const dtype = floatType(this.constructor.name, x)
    return dropout(ones(shape, { dtype, device: x.device }), this.p, this.#generator)
  }

  override extraRepr(): string {
    return `p=${this.p}`
  }
}

/** Drops whole channels of `[N, ..., C]`; the ranks differ in the input they take. */
abstract class ChannelDropout extends Dropping {
  /** The input as an error shows it. */
  protected abstract readonly expected: string

  /** @param p The probability to drop a channel, in [0, 1]. Default 0.5. */
  constructor(p = 0.5, options: DropoutOptions = {}) {
    super(p, options)
  }

  protected drop(x: Tensor): Tensor {
    if (x.rank !== this.expected.split(',').length)
      throw new ShapeError(
        `${this}: the input is ${showShape(x.shape)}; it must be ${this.expected}`,
      )
    const shape = x.shape.map((size, axis) => (axis === 0 || axis === x.rank - 1 ? size : 1))
    return x.mul(this.mask(x, shape))
  }
}

/** Drops whole channels of sequences `[N, L, C]`; see {@link Dropout2d}. */
export class Dropout1d extends ChannelDropout {
  protected readonly expected = '[N, L, C]'
}

/**
 * During training, zeroes whole channels of images `[N, H, W, C]` with probability `p`, and multiplies
 * the others by `1 / (1 - p)`: neighboring pixels say much the same, so single ones are not missed.
 * Tompson et al.: "Efficient Object Localization Using Convolutional Networks", arXiv 1411.4280.
 *
 * @example
 * ```ts
 * new Dropout2d(0.2)
 * ```
 */
export class Dropout2d extends ChannelDropout {
  protected readonly expected = '[N, H, W, C]'
}

/** Drops whole channels of volumes `[N, D, H, W, C]`; see {@link Dropout2d}. */
export class Dropout3d extends ChannelDropout {
  protected readonly expected = '[N, D, H, W, C]'
}

/**
 * Stochastic depth: during training, drops the whole of a sample (the first axis) with probability
 * `p`, at the end of a residual branch, and multiplies the others by `1 / (1 - p)`. Huang et al.:
 * "Deep Networks with Stochastic Depth", arXiv 1603.09382.
 *
 * @example
 * ```ts
 * const y = x.add(this.dropPath.forward(this.branch.forward(x)))
 * ```
 */
export class DropPath extends Dropping {
  /** @param p The probability to drop a sample, in [0, 1]. Default 0.1. */
  constructor(p = 0.1, options: DropoutOptions = {}) {
    super(p, options)
  }

  protected drop(x: Tensor): Tensor {
    return x.mul(
      this.mask(
        x,
        x.shape.map((size, axis) => (axis === 0 ? size : 1)),
      ),
    )
  }
}

/** What SELU gives for -Infinity. */
const FLOOR = -1.0507009873554805 * 1.6732632423543772

/**
 * Dropout for networks with SELU: dropped elements become the lowest value of SELU, and the result is
 * scaled and shifted so that mean 0 and variance 1 stay. Klambauer et al.: "Self-Normalizing Neural
 * Networks", arXiv 1706.02515.
 */
export class AlphaDropout extends Dropping {
  /** @param p The probability to drop, in [0, 1]; at 1 all becomes 0. Default 0.5. */
  constructor(p = 0.5, options: DropoutOptions = {}) {
    super(p, options)
  }

  protected drop(x: Tensor): Tensor {
    const { p } = this
    if (p === 1) return x.mul(0)
    const scale = 1 / Math.sqrt((1 - p) * (1 + p * FLOOR ** 2))
    const kept = this.mask(x, x.shape).ne(0)
    return where(kept, x, FLOOR)
      .mul(scale)
      .add(-scale * FLOOR * p)
  }
}
