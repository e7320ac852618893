import {
  ArgumentError,
  conv2d,
  type Pair,
  ShapeError,
  showShape,
  type Tensor,
} from '@nablajs/tensor'
import { Module } from '../module.ts'
import { drawParameter, type FactoryOptions, showPair } from './factory.ts'

export interface Conv2dLayerOptions extends FactoryOptions {
  /** Step between windows. Default 1. */
  stride?: Pair
  /** Zeros on each side; `'same'` keeps the size (stride 1 only), `'valid'` is 0. Default 0. */
  padding?: Pair | 'same' | 'valid'
  /** Distance between the taps of the kernel. Default 1. */
  dilation?: Pair
  /** Blocks of channels that do not see each other; both numbers of channels are multiples. Default 1. */
  groups?: number
  /** Whether to add a bias. Default true. */
  bias?: boolean
}

/**
 * Two-dimensional convolution (cross-correlation, as everywhere in deep learning) of images.
 *
 * Input `[N, H, W, inChannels]`, output `[N, OH, OW, outChannels]` with
 * `OH = floor((H + 2·padding - dilation·(R - 1) - 1) / stride) + 1`. Weight
 * `[R, S, inChannels / groups, outChannels]` (PyTorch's is `[K, C / groups, R, S]`, see
 * `torchStateDict`) and bias `[outChannels]` start uniform in ±1/√(R·S·inChannels / groups).
 *
 * Parameters: `R·S·(inChannels / groups)·outChannels + outChannels`.
 *
 * @example
 * ```ts
 * const layer = new Conv2d(3, 16, 3, { padding: 1, stride: 2 })
 * layer.forward(zeros([8, 32, 32, 3])).shape   // [8, 16, 16, 16]
 * ```
 */
export class Conv2d extends Module {
  readonly inChannels: number
  readonly outChannels: number
  readonly kernelSize: readonly [height: number, width: number]
  readonly stride: Pair
  readonly padding: Pair | 'same' | 'valid'
  readonly dilation: Pair
  readonly groups: number
  weight: Tensor
  bias: Tensor | undefined

  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Pair,
    options: Conv2dLayerOptions = {},
  ) {
    super()
    const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options
    const fits = (channels: number): boolean => channels >= 1 && channels % groups === 0
    if (!Number.isInteger(groups) || groups < 1 || !fits(inChannels) || !fits(outChannels))
      throw new ArgumentError(
        `Conv2d(${inChannels}, ${outChannels}): the channels must be multiples of groups = ${groups}`,
      )
    this.inChannels = inChannels
    this.outChannels = outChannels
    this.kernelSize = typeof kernelSize === 'number' ? [kernelSize, kernelSize] : kernelSize
    this.stride = stride
    this.padding = padding
    this.dilation = dilation
    this.groups = groups
    const shape = [...this.kernelSize, inChannels / groups, outChannels]
    const fanIn = shape[0]! * shape[1]! * shape[2]!
    this.weight = drawParameter(shape, fanIn, options)
    this.bias = options.bias === false ? undefined : drawParameter([outChannels], fanIn, options)
  }

  /** @throws ShapeError when the input is not `[N, H, W, inChannels]` or smaller than the kernel. */
  forward(x: Tensor): Tensor {
    if (x.rank !== 4 || x.shape[3] !== this.inChannels)
      throw new ShapeError(
        `${this}: the input is ${showShape(x.shape)}; it must be [N, H, W, ${this.inChannels}]` +
          (x.rank === 4 && x.shape[1] === this.inChannels ? ': permute([0, 2, 3, 1]) it' : ''),
      )
    return conv2d(x, this.weight, this.bias, this)
  }

  override torchAxes(name: string): readonly number[] | undefined {
    return name === 'weight' ? [3, 2, 0, 1] : undefined
  }

  override extraRepr(): string {
    const { stride, padding, dilation, groups } = this
    const show = (name: string, value: Pair | string): string =>
      `, ${name}=${typeof value === 'string' ? value : showPair(value)}`
    return [
      `${this.inChannels}, ${this.outChannels}, ${showPair(this.kernelSize)}`,
      stride === 1 ? '' : show('stride', stride),
      padding === 0 ? '' : show('padding', padding),
      dilation === 1 ? '' : show('dilation', dilation),
      groups === 1 ? '' : `, groups=${groups}`,
      this.bias ? '' : ', bias=false',
    ].join('')
  }
}
