/** Activations with parameters, or with chance. */
import {
  ArgumentError,
  defaultGenerator,
  full,
  type Generator,
  leakyRelu,
  ShapeError,
  showShape,
  type Tensor,
  uniform,
} from '@nablajs/tensor'
import { floatType } from '../check.ts'
import { Module } from '../module.ts'
import { parameter } from '../state.ts'
import type { DropoutOptions } from './dropout.ts'
import { type FactoryOptions, placeOf } from './factory.ts'

export interface PReLUOptions extends Pick<FactoryOptions, 'dtype' | 'device'> {
  /** How many slopes there are: 1, or one for each channel (the last axis). Default 1. */
  numParameters?: number
  /** What slopes start from. Default 0.25. */
  init?: number
}

/**
 * A leaky ReLU whose slope below 0 learns: `max(x, 0) + weight · min(x, 0)`. Do not decay the slopes.
 * He, Zhang, Ren, Sun: "Delving Deep into Rectifiers", arXiv 1502.01852.
 *
 * Input and output of any shape, `[..., C]` with a slope for each channel.
 *
 * @example
 * ```ts
 * new PReLU({ numParameters: 16 })
 * ```
 */
export class PReLU extends Module {
  weight: Tensor

  constructor(options: PReLUOptions = {}) {
    super()
    const { numParameters = 1, init = 0.25 } = options
    this.weight = parameter(full([numParameters], init, placeOf(options)))
  }

  /** @throws ShapeError when the last axis does not have a size of `numParameters`. */
  forward(x: Tensor): Tensor {
    const count = this.weight.shape[0]!
    if (count !== 1 && x.shape.at(-1) !== count)
      throw new ShapeError(
        `${this}: the input is ${showShape(x.shape)}; its last axis must have ${count}`,
      )
    return leakyRelu(x, x.rank === 0 ? this.weight.reshape([]) : this.weight)
  }

  override extraRepr(): string {
    return `numParameters=${this.weight.shape[0]}`
  }
}

/**
 * A leaky ReLU whose slope below 0 is drawn for each element during training, uniformly from
 * `lower` .. `upper`, and is their mean during evaluation. Xu et al., arXiv 1505.00853.
 *
 * @example
 * ```ts
 * new RReLU(0.1, 0.3)
 * ```
 */
export class RReLU extends Module {
  readonly lower: number
  readonly upper: number
  readonly #generator: Generator

  /**
   * @param lower Default 1/8.
   * @param upper Default 1/3.
   */
  constructor(lower: number = 1 / 8, upper: number = 1 / 3, options: DropoutOptions = {}) {
    super()
    if (!(lower <= upper))
      throw new ArgumentError(`RReLU: lower is ${lower}, upper ${upper}; it must not be above`)
    this.lower = lower
    this.upper = upper
    this.#generator = options.generator ?? defaultGenerator()
  }

  forward(x: Tensor): Tensor {
    const { lower, upper, training } = this
    const dtype = floatType('RReLU', x)
    if (!training || lower === upper) return leakyRelu(x, (lower + upper) / 2)
    const draw = { dtype, device: x.device, generator: this.#generator }
    return leakyRelu(x, uniform(x.shape, lower, upper, draw))
  }

  override extraRepr(): string {
    return `lower=${this.lower}, upper=${this.upper}`
  }
}
