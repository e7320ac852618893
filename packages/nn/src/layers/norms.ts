import { ones, ShapeError, showShape, type Tensor, zeros } from '@nablajs/tensor'
import { Module } from '../module.ts'
import { groupNorm, instanceNorm, layerNorm, rmsNorm } from '../norms.ts'
import { buffer, parameter } from '../state.ts'
import { type FactoryOptions, placeOf } from './factory.ts'

type Place = Pick<FactoryOptions, 'dtype' | 'device'>

export interface LayerNormOptions extends Place {
  /** Added to the variance. Default 1e-5. */
  eps?: number
  /** Whether elements have a factor (1 at first) and an offset (0) that learn. Default true. */
  elementwiseAffine?: boolean
  /** Whether there is an offset. Default true. */
  bias?: boolean
}

const listOf = (shape: number | readonly number[]): readonly number[] =>
  typeof shape === 'number' ? [shape] : shape

/**
 * Layer normalisation over the last axes; see `layerNorm` for the equation.
 *
 * Input and output `[..., ...normalizedShape]`; weight and bias have the normalised shape.
 *
 * Ba, Kiros, Hinton: "Layer Normalization", arXiv 1607.06450.
 *
 * @example
 * ```ts
 * new LayerNorm(64).forward(zeros([8, 10, 64]))   // each of the 80 vectors
 * ```
 */
export class LayerNorm extends Module {
  readonly normalizedShape: readonly number[]
  readonly eps: number
  weight: Tensor | undefined
  bias: Tensor | undefined

  constructor(normalizedShape: number | readonly number[], options: LayerNormOptions = {}) {
    super()
    const { eps = 1e-5, elementwiseAffine = true, bias = true } = options
    this.normalizedShape = listOf(normalizedShape)
    this.eps = eps
    const place = placeOf(options)
    this.weight = elementwiseAffine ? parameter(ones(this.normalizedShape, place)) : undefined
    this.bias =
      elementwiseAffine && bias ? parameter(zeros(this.normalizedShape, place)) : undefined
  }

  /** @throws ShapeError when the last axes are not `normalizedShape`. */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.normalizedShape, this)
  }

  override extraRepr(): string {
    const { normalizedShape, eps, weight, bias } = this
    return [
      `${showShape(normalizedShape)}, eps=${eps}`,
      weight ? '' : ', elementwiseAffine=false',
      weight && !bias ? ', bias=false' : '',
    ].join('')
  }
}

export interface RMSNormOptions extends Place {
  /** Added to the mean square. Default: the distance from 1 to the next number of the dtype. */
  eps?: number
  /** Whether elements have a factor (1 at first) that learns. Default true. */
  elementwiseAffine?: boolean
}

/**
 * Root mean square normalisation over the last axes; see `rmsNorm` for the equation. Zhang &
 * Sennrich: "Root Mean Square Layer Normalization", arXiv 1910.07467.
 *
 * Input and output `[..., ...normalizedShape]`.
 */
export class RMSNorm extends Module {
  readonly normalizedShape: readonly number[]
  readonly eps: number | undefined
  weight: Tensor | undefined

  constructor(normalizedShape: number | readonly number[], options: RMSNormOptions = {}) {
    super()
    const { elementwiseAffine = true } = options
    this.normalizedShape = listOf(normalizedShape)
    this.eps = options.eps
    this.weight = elementwiseAffine
      ? parameter(ones(this.normalizedShape, placeOf(options)))
      : undefined
  }

  /** @throws ShapeError when the last axes are not `normalizedShape`. */
  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.normalizedShape, this)
  }

  override extraRepr(): string {
    const { normalizedShape, eps, weight } = this
    return [
      showShape(normalizedShape),
      eps === undefined ? '' : `, eps=${eps}`,
      weight ? '' : ', elementwiseAffine=false',
    ].join('')
  }
}

export interface GroupNormOptions extends Place {
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

export interface InstanceNormLayerOptions extends Place {
  /** Added to the variance. Default 1e-5. */
  eps?: number
  /** The share of each batch in the running statistics. Default 0.1. */
  momentum?: number
  /** Whether channels have a factor (1 at first) and an offset (0) that learn. Default false. */
  affine?: boolean
  /** Whether to keep running statistics for evaluation. Default false. */
  trackRunningStats?: boolean
}

/** What the instance norms of all ranks share. */
abstract class InstanceNorm extends Module {
  readonly numFeatures: number
  readonly eps: number
  readonly momentum: number
  weight: Tensor | undefined
  bias: Tensor | undefined
  runningMean: Tensor | undefined
  runningVar: Tensor | undefined
  numBatchesTracked: Tensor | undefined

  constructor(numFeatures: number, options: InstanceNormLayerOptions = {}) {
    super()
    const { eps = 1e-5, momentum = 0.1, affine = false, trackRunningStats = false } = options
    const [shape, place] = [[numFeatures], placeOf(options)]
    this.numFeatures = numFeatures
    this.eps = eps
    this.momentum = momentum
    this.weight = affine ? parameter(ones(shape, place)) : undefined
    this.bias = affine ? parameter(zeros(shape, place)) : undefined
    this.runningMean = trackRunningStats ? buffer(zeros(shape, place)) : undefined
    this.runningVar = trackRunningStats ? buffer(ones(shape, place)) : undefined
    // PyTorch keeps the number without ever counting.
    this.numBatchesTracked = trackRunningStats
      ? buffer(zeros([], { ...place, dtype: 'i32' }), { optional: true })
      : undefined
  }

  /** The input as an error shows it that has another rank. */
  protected abstract readonly expected: string

  /** @throws ShapeError when the rank or the number of channels does not fit. */
  forward(x: Tensor): Tensor {
    const rank = this.expected.split(',').length
    if (x.rank !== rank || x.shape.at(-1) !== this.numFeatures)
      throw new ShapeError(
        `${this}: the input is ${showShape(x.shape)}; it must be ${this.expected} with C = ${this.numFeatures}`,
      )
    const { weight, bias, eps, momentum, training } = this
    const useInputStats = training || !this.runningMean
    // In evaluation running statistics are read, and never written.
    const running = { runningMean: this.runningMean, runningVar: this.runningVar }
    return instanceNorm(x, { weight, bias, eps, momentum, useInputStats, ...running })
  }

  override extraRepr(): string {
    const { numFeatures, eps, momentum, weight, runningMean } = this
    return [
      `${numFeatures}, eps=${eps}, momentum=${momentum}`,
      weight ? ', affine=true' : '',
      runningMean ? ', trackRunningStats=true' : '',
    ].join('')
  }
}

/** Instance normalisation of sequences `[N, L, C]`; see `instanceNorm`. */
export class InstanceNorm1d extends InstanceNorm {
  protected readonly expected = '[N, L, C]'
}

/**
 * Instance normalisation of images `[N, H, W, C]`: each channel of each image over its positions; see
 * `instanceNorm`. Without `affine` it has no parameters. Ulyanov, Vedaldi, Lempitsky: "Instance
 * Normalization", arXiv 1607.08022.
 */
export class InstanceNorm2d extends InstanceNorm {
  protected readonly expected = '[N, H, W, C]'
}

/** Instance normalisation of volumes `[N, D, H, W, C]`; see `instanceNorm`. */
export class InstanceNorm3d extends InstanceNorm {
  protected readonly expected = '[N, D, H, W, C]'
}
