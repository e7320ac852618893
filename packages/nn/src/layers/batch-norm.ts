import { ones, ShapeError, showShape, type Tensor, zeros } from '@nablajs/tensor'
import { program, updateInPlace } from '@nablajs/tensor/program'
import { batchNorm } from '../batch-norm.ts'
import { Module } from '../module.ts'
import { buffer, parameter } from '../state.ts'
import { type FactoryOptions, placeOf } from './factory.ts'

export interface BatchNormLayerOptions extends Pick<FactoryOptions, 'dtype' | 'device'> {
  /** Added to the variance. Default 1e-5. */
  eps?: number
  /**
   * The share of each batch in the running statistics; `null` weighs all batches equally. Default
   * 0.1. Keras and TensorFlow count the other way: their 0.99 is 0.01 here.
   */
  momentum?: number | null
  /** Whether channels have a factor (1 at first) and an offset (0) that learn. Default true. */
  affine?: boolean
  /** Whether to keep running statistics for evaluation. Default true. */
  trackRunningStats?: boolean
}

const count = program({ name: 'numBatchesTracked', inputs: ['i32'] }, (n) => n!.add(1))

/** What the batch norms of all ranks share; they differ in the input they take. */
abstract class BatchNorm extends Module {
  readonly numFeatures: number
  readonly eps: number
  readonly momentum: number | null
  weight: Tensor | undefined
  bias: Tensor | undefined
  runningMean: Tensor | undefined
  runningVar: Tensor | undefined
  numBatchesTracked: Tensor | undefined

  constructor(numFeatures: number, options: BatchNormLayerOptions = {}) {
    super()
    const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true } = options
    const own = placeOf(options)
    const shape = [numFeatures]
    this.numFeatures = numFeatures
    this.eps = eps
    this.momentum = momentum
    this.weight = affine ? parameter(ones(shape, own)) : undefined
    this.bias = affine ? parameter(zeros(shape, own)) : undefined
    this.runningMean = trackRunningStats ? buffer(zeros(shape, own)) : undefined
    this.runningVar = trackRunningStats ? buffer(ones(shape, own)) : undefined
    this.numBatchesTracked = trackRunningStats
      ? buffer(zeros([], { ...own, dtype: 'i32' }), { optional: true })
      : undefined
  }

  /** The input as an error shows it that has another rank. */
  protected abstract readonly expected: string
  protected abstract accepts(rank: number): boolean

  /** @throws ShapeError when the rank or the number of channels does not fit. */
  forward(x: Tensor): Tensor {
    if (!this.accepts(x.rank) || x.shape.at(-1) !== this.numFeatures)
      throw new ShapeError(
        `${this}: the input is ${showShape(x.shape)}; it must be ${this.expected} with C = ${this.numFeatures}`,
      )
    const { training, weight, bias, runningMean, runningVar, eps } = this
    const momentum = training ? this.#count() : 0
    return batchNorm(x, { training, weight, bias, runningMean, runningVar, eps, momentum })
  }

  /** Counts a batch; gives its share in the running statistics, if there are any. */
  #count(): number | Tensor {
    const { numBatchesTracked: n, runningMean, momentum } = this
    if (!n || !runningMean) return 0
    updateInPlace(count, [n], [n])
    return momentum ?? n.cast(runningMean.dtype).reciprocal()
  }

  override extraRepr(): string {
    const { numFeatures, eps, momentum, weight, runningMean } = this
    return [
      `${numFeatures}, eps=${eps}, momentum=${momentum}`,
      weight ? '' : ', affine=false',
      runningMean ? '' : ', trackRunningStats=false',
    ].join('')
  }
}

/**
 * Batch normalisation of images: each channel is normalised over batch, height and width; see
 * `batchNorm` for the equation.
 *
 * Input and output `[N, H, W, C]`. During training the batch's mean and biased variance are used, and
 * the running mean and unbiased variance follow them; during evaluation the running ones are used.
 *
 * Ioffe & Szegedy: "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
 * Covariate Shift", arXiv 1502.03167.
 *
 * @example
 * ```ts
 * const block = new Sequential(new Conv2d(3, 16, 3, { bias: false }), new BatchNorm2d(16), new ReLU())
 * ```
 */
export class BatchNorm2d extends BatchNorm {
  protected readonly expected = '[N, H, W, C]'

  protected accepts(rank: number): boolean {
    return rank === 4
  }
}

/**
 * Batch normalisation of vectors or sequences: `[N, C]` or `[N, L, C]`, each channel over all other
 * axes. Otherwise as {@link BatchNorm2d}.
 */
export class BatchNorm1d extends BatchNorm {
  protected readonly expected = '[N, C] or [N, L, C]'

  protected accepts(rank: number): boolean {
    return rank === 2 || rank === 3
  }
}

/** Batch normalisation of volumes `[N, D, H, W, C]`; otherwise as {@link BatchNorm2d}. */
export class BatchNorm3d extends BatchNorm {
  protected readonly expected = '[N, D, H, W, C]'

  protected accepts(rank: number): boolean {
    return rank === 5
  }
}
