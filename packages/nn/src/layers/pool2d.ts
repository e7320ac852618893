import {
  type AvgPool2dOptions,
  avgPool2d,
  type MaxPool2dOptions,
  maxPool2d,
  type Pair,
  type Tensor,
} from '@nablajs/tensor'
import { Module } from '../module.ts'
import { showPair } from './factory.ts'

function showOptions(kernelSize: Pair, options: object): string {
  const settings = Object.entries(options).map(([name, value]) =>
    Array.isArray(value) ? `${name}=${showPair(value as [number, number])}` : `${name}=${value}`,
  )
  return [showPair(kernelSize), ...settings].join(', ')
}

/**
 * The largest value of each window of an image, channel by channel; see `maxPool2d`.
 *
 * Input `[N, H, W, C]`, output `[N, OH, OW, C]`. The stride is the window's size by default, so that
 * windows do not overlap.
 *
 * @example
 * ```ts
 * new MaxPool2d(2).forward(zeros([8, 28, 28, 16])).shape   // [8, 14, 14, 16]
 * ```
 */
export class MaxPool2d extends Module {
  readonly kernelSize: Pair
  readonly options: MaxPool2dOptions

  constructor(kernelSize: Pair, options: MaxPool2dOptions = {}) {
    super()
    this.kernelSize = kernelSize
    this.options = options
  }

  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernelSize, this.options)
  }

  override extraRepr(): string {
    return showOptions(this.kernelSize, this.options)
  }
}

/**
 * The mean of each window of an image, channel by channel; see `avgPool2d`.
 *
 * Input `[N, H, W, C]`, output `[N, OH, OW, C]`. The stride is the window's size by default.
 *
 * @example
 * ```ts
 * new AvgPool2d(7).forward(zeros([8, 7, 7, 512])).shape   // [8, 1, 1, 512]
 * ```
 */
export class AvgPool2d extends Module {
  readonly kernelSize: Pair
  readonly options: AvgPool2dOptions

  constructor(kernelSize: Pair, options: AvgPool2dOptions = {}) {
    super()
    this.kernelSize = kernelSize
    this.options = options
  }

  forward(x: Tensor): Tensor {
    return avgPool2d(x, this.kernelSize, this.options)
  }

  override extraRepr(): string {
    return showOptions(this.kernelSize, this.options)
  }
}
