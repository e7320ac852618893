import { ones, ShapeError, showShape, type Tensor, zeros } from '@nablajs/tensor'
import { instanceNorm } from '../instance-norm.ts'
import { Module } from '../module.ts'
import { buffer, parameter } from '../state.ts'
import { type FactoryOptions, placeOf } from './factory.ts'

export interface InstanceNormLayerOptions extends Pick<FactoryOptions, 'dtype' | 'device'> {
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
