import { ones, ShapeError, showShape, type Tensor, zeros } from '@nablajs/tensor'
import { groupNorm } from '../group-norm.ts'
import { Module } from '../module.ts'
import { parameter } from '../state.ts'
import { type FactoryOptions, placeOf } from './factory.ts'

export interface GroupNormOptions extends Pick<FactoryOptions, 'dtype' | 'device'> {
  /** Added to the variance. Default 1e-5. */
  eps?: number
  /** Whether channels have a factor (1 at first) and an offset (0) that learn. Default true. */
  affine?: boolean
}

/**
 * Group normalisation; see `groupNorm`. Input and output `[N, ..., C]`. Wu & He: "Group
 * Normalization", arXiv 1803.08494.
 *
 * @example
 * ```ts
 * new GroupNorm(4, 16)   // four groups of four channels
 * ```
 */
export class GroupNorm extends Module {
  readonly numGroups: number
  readonly numChannels: number
  readonly eps: number
  weight: Tensor | undefined
  bias: Tensor | undefined

  constructor(numGroups: number, numChannels: number, options: GroupNormOptions = {}) {
    super()
    const { eps = 1e-5, affine = true } = options
    this.numGroups = numGroups
    this.numChannels = numChannels
    this.eps = eps
    this.weight = affine ? parameter(ones([numChannels], placeOf(options))) : undefined
    this.bias = affine ? parameter(zeros([numChannels], placeOf(options))) : undefined
  }

  /** @throws ShapeError when the number of channels does not fit. */
  forward(x: Tensor): Tensor {
    if (x.shape.at(-1) !== this.numChannels)
      throw new ShapeError(
        `${this}: the input is ${showShape(x.shape)}; it must be [N, ..., C] with C = ${this.numChannels}`,
      )
    return groupNorm(x, this.numGroups, this)
  }

  override extraRepr(): string {
    const { numGroups, numChannels, eps, weight } = this
    return `${numGroups}, ${numChannels}, eps=${eps}${weight ? '' : ', affine=false'}`
  }
}
