import {
  type ConvTranspose1dOptions,
  type ConvTranspose2dOptions,
  convTranspose1d,
  convTranspose2d,
  type Pair,
  type Tensor,
} from '@nablajs/tensor'
import { Conv, type Settings, type Step } from './conv.ts'
import type { FactoryOptions } from './factory.ts'

const pairOf = (size: Pair): readonly number[] => (typeof size === 'number' ? [size, size] : size)

/** The settings of transposed convolutions. */
const transposed = (own: {
  stride: Step
  padding: Step
  outputPadding: Step
  dilation: Step
}): Settings => ({
  stride: [own.stride, 1],
  padding: [own.padding, 0],
  outputPadding: [own.outputPadding, 0],
  dilation: [own.dilation, 1],
})

export interface ConvTranspose1dLayerOptions extends ConvTranspose1dOptions, FactoryOptions {
  /** Whether to add a bias. Default true. */
  bias?: boolean
}

/** Transposed convolution of sequences `[N, L, inChannels]`; see {@link ConvTranspose2d}. */
export class ConvTranspose1d extends Conv {
  readonly stride: number
  readonly padding: number
  readonly outputPadding: number
  readonly dilation: number

  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number,
    options: ConvTranspose1dLayerOptions = {},
  ) {
    super(inChannels, outChannels, [kernelSize], options, true)
    this.stride = options.stride ?? 1
    this.padding = options.padding ?? 0
    this.outputPadding = options.outputPadding ?? 0
    this.dilation = options.dilation ?? 1
  }

  /** @throws ShapeError when the input is not `[N, L, inChannels]`. */
  forward(x: Tensor): Tensor {
    this.check(x)
    return convTranspose1d(x, this.weight, this.bias, this)
  }

  protected settings(): Settings {
    return transposed(this)
  }
}

export interface ConvTranspose2dLayerOptions extends ConvTranspose2dOptions, FactoryOptions {
  /** Whether to add a bias. Default true. */
  bias?: boolean
}

/**
 * Transposed convolution of images, which makes them larger: `[N, H, W, inChannels]` to
 * `[N, OH, OW, outChannels]`, `OH = (H - 1)·stride - 2·padding + dilation·(R - 1) + outputPadding + 1`;
 * see `convTranspose2d`.
 *
 * Weight `[R, S, outChannels / groups, inChannels]` (PyTorch's is `[inChannels, outChannels / groups,
 * R, S]`) and bias start uniform in ±1/√(R·S·outChannels / groups).
 *
 * @example
 * ```ts
 * const up = new ConvTranspose2d(16, 8, 2, { stride: 2 })
 * up.forward(zeros([1, 7, 7, 16])).shape   // [1, 14, 14, 8]
 * ```
 */
export class ConvTranspose2d extends Conv {
  readonly stride: Pair
  readonly padding: Pair
  readonly outputPadding: Pair
  readonly dilation: Pair

  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Pair,
    options: ConvTranspose2dLayerOptions = {},
  ) {
    super(inChannels, outChannels, pairOf(kernelSize), options, true)
    this.stride = options.stride ?? 1
    this.padding = options.padding ?? 0
    this.outputPadding = options.outputPadding ?? 0
    this.dilation = options.dilation ?? 1
  }

  /** @throws ShapeError when the input is not `[N, H, W, inChannels]`. */
  forward(x: Tensor): Tensor {
    this.check(x)
    return convTranspose2d(x, this.weight, this.bias, this)
  }

  protected settings(): Settings {
    return transposed(this)
  }
}
