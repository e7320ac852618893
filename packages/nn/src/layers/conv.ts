/** Convolutions of sequences and volumes, and transposed ones; `conv2d.ts` has those of images. */
import {
  ArgumentError,
  type Conv1dOptions,
  type Conv3dOptions,
  type ConvTranspose1dOptions,
  type ConvTranspose2dOptions,
  conv1d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  type Pair,
  ShapeError,
  showShape,
  type Tensor,
  type Triple,
} from '@nablajs/tensor'
import { Module } from '../module.ts'
import { drawParameter, type FactoryOptions } from './factory.ts'

interface ConvOptions extends FactoryOptions {
  /** Blocks of channels that do not see each other. Default 1. */
  groups?: number
  /** Whether to add a bias. Default true. */
  bias?: boolean
}

type Step = number | string | readonly number[]

/** Settings by name, each with its default. */
type Settings = Readonly<Record<string, readonly [value: Step, usual: Step]>>

/** What they share: parameters, their layouts, the check of the input. */
abstract class Conv extends Module {
  readonly inChannels: number
  readonly outChannels: number
  readonly kernelSize: readonly number[]
  readonly groups: number
  weight: Tensor
  bias: Tensor | undefined

  /** @param transposed Whether the weight maps from outputs to inputs. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: readonly number[],
    options: ConvOptions,
    transposed: boolean,
  ) {
    super()
    const { groups = 1 } = options
    const fits = (channels: number): boolean => channels >= 1 && channels % groups === 0
    if (!Number.isInteger(groups) || groups < 1 || !fits(inChannels) || !fits(outChannels))
      throw new ArgumentError(
        `${this.constructor.name}(${inChannels}, ${outChannels}): the channels must be multiples of groups = ${groups}`,
      )
    this.inChannels = inChannels
    this.outChannels = outChannels
    this.kernelSize = kernelSize
    this.groups = groups
    const [from, to] = transposed ? [outChannels, inChannels] : [inChannels, outChannels]
    const taps = kernelSize.reduce((n, size) => n * size, 1)
    // PyTorch counts the second axis of its layout, also where that is outputs.
    const fan = taps * (from / groups)
    this.weight = drawParameter([...kernelSize, from / groups, to], fan, options)
    this.bias = options.bias === false ? undefined : drawParameter([outChannels], fan, options)
  }

  /** The settings that `toString` shows where they are not the default. */
  protected abstract settings(): Settings

  protected check(x: Tensor): void {
    const letters = ['D', 'H', 'W'].slice(3 - this.kernelSize.length)
    const axes = this.kernelSize.length === 1 ? ['L'] : letters
    if (x.rank !== axes.length + 2 || x.shape.at(-1) !== this.inChannels)
      throw new ShapeError(
        `${this}: the input is ${showShape(x.shape)}; it must be [N, ${axes.join(', ')}, ${this.inChannels}]`,
      )
  }

  override torchAxes(name: string): readonly number[] | undefined {
    if (name !== 'weight') return undefined
    const spatial = this.kernelSize.map((_, axis) => axis)
    return [spatial.length + 1, spatial.length, ...spatial]
  }

  override extraRepr(): string {
    const show = (value: Step): string => {
      if (typeof value !== 'object') return String(value)
      return new Set(value).size === 1 ? String(value[0]) : `[${value.join(', ')}]`
    }
    const more = Object.entries({ ...this.settings(), groups: [this.groups, 1] as const })
      .filter(([, [value, usual]]) => value !== usual)
      .map(([name, [value]]) => `, ${name}=${show(value)}`)
    const bias = this.bias ? '' : ', bias=false'
    return `${this.inChannels}, ${this.outChannels}, ${show(this.kernelSize)}${more.join('')}${bias}`
  }
}

const pairOf = (size: Pair): readonly number[] => (typeof size === 'number' ? [size, size] : size)

/** The settings of plain convolutions. */
const plain = (own: { stride: Step; padding: Step; dilation: Step }): Settings => ({
  stride: [own.stride, 1],
  padding: [own.padding, 0],
  dilation: [own.dilation, 1],
})

export interface Conv1dLayerOptions extends Conv1dOptions, FactoryOptions {
  /** Whether to add a bias. Default true. */
  bias?: boolean
}

/**
 * Convolution of sequences: `[N, L, inChannels]` to `[N, OL, outChannels]`; see `conv1d`.
 *
 * Weight `[S, inChannels / groups, outChannels]` (PyTorch's is `[K, C / groups, S]`) and bias start
 * uniform in ±1/√(S·inChannels / groups).
 *
 * @example
 * ```ts
 * new Conv1d(8, 16, 3, { padding: 1 }).forward(zeros([4, 100, 8])).shape   // [4, 100, 16]
 * ```
 */
export class Conv1d extends Conv {
  readonly stride: number
  readonly padding: number | 'same' | 'valid'
  readonly dilation: number

  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number,
    options: Conv1dLayerOptions = {},
  ) {
    super(inChannels, outChannels, [kernelSize], options, false)
    this.stride = options.stride ?? 1
    this.padding = options.padding ?? 0
    this.dilation = options.dilation ?? 1
  }

  /** @throws ShapeError when the input is not `[N, L, inChannels]` or shorter than the kernel. */
  forward(x: Tensor): Tensor {
    this.check(x)
    return conv1d(x, this.weight, this.bias, this)
  }

  protected settings(): Settings {
    return plain(this)
  }
}

export interface Conv3dLayerOptions extends Conv3dOptions, FactoryOptions {
  /** Whether to add a bias. Default true. */
  bias?: boolean
}

/**
 * Convolution of volumes: `[N, D, H, W, inChannels]` to `[N, OD, OH, OW, outChannels]`; see `conv3d`.
 *
 * Weight `[T, R, S, inChannels / groups, outChannels]` (PyTorch's is `[K, C / groups, T, R, S]`) and
 * bias start uniform in ±1/√(T·R·S·inChannels / groups).
 */
export class Conv3d extends Conv {
  readonly stride: Triple
  readonly padding: Triple | 'same' | 'valid'
  readonly dilation: Triple

  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Triple,
    options: Conv3dLayerOptions = {},
  ) {
    const size = typeof kernelSize === 'number' ? [kernelSize, kernelSize, kernelSize] : kernelSize
    super(inChannels, outChannels, size, options, false)
    this.stride = options.stride ?? 1
    this.padding = options.padding ?? 0
    this.dilation = options.dilation ?? 1
  }

  /** @throws ShapeError when the input is not `[N, D, H, W, inChannels]` or smaller than the kernel. */
  forward(x: Tensor): Tensor {
    this.check(x)
    return conv3d(x, this.weight, this.bias, this)
  }

  protected settings(): Settings {
    return plain(this)
  }
}

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
