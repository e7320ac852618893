import { noGrad, ShapeError, scope, showShape, type Tensor } from '@nablajs/tensor'
import { type AffineOptions, channelsOf, checkAffine } from './affine.ts'
import { batchNorm, updateRunning } from './batch-norm.ts'
import { standardize, statisticsOf } from './standardize.ts'

export interface InstanceNormOptions extends AffineOptions {
  /** The running mean `[C]`: written when the input's statistics are used, read otherwise. */
  runningMean?: Tensor | undefined
  /** The running (unbiased) variance `[C]`. */
  runningVar?: Tensor | undefined
  /** Whether to normalise with the input's statistics; always so without running ones. Default true. */
  useInputStats?: boolean
  /** The share of the new statistics, which are averaged over the batch. Default 0.1. */
  momentum?: number
}

/**
 * Normalises each channel of each image over its positions: contrast goes, structure stays. Ulyanov,
 * Vedaldi, Lempitsky: "Instance Normalization", arXiv 1607.08022.
 *
 * @param x `[N, ..., C]`, channels last, with positions between; weight and bias are `[C]`.
 * @throws ShapeError for other shapes, or when there is only one position.
 */
export function instanceNorm(x: Tensor, options: InstanceNormOptions = {}): Tensor {
  const channels = channelsOf('instanceNorm', x, 3)
  const { weight, bias, runningMean, runningVar, eps = 1e-5, momentum = 0.1 } = options
  const own = options.useInputStats ?? true
  if (!own && runningMean)
    return batchNorm(x, { weight, bias, runningMean, runningVar, eps, training: false })
  checkAffine('instanceNorm', options, [channels])
  const count = x.shape.slice(1, -1).reduce((n, size) => n * size, 1)
  if (count <= 1)
    throw new ShapeError(
      `instanceNorm: ${showShape(x.shape)} has ${count} positions; it needs two or more`,
    )
  const axes = x.shape.slice(1, -1).map((_, i) => i + 1)
  return scope(() => {
    const statistics = noGrad(() => statisticsOf('instanceNorm', x, axes))
    if (runningMean && runningVar)
      noGrad(() => {
        const average = (t: Tensor): Tensor => t.mean(0).reshape([channels])
        const batch = [average(statistics.mean!), average(statistics.variance)] as const
        updateRunning(batch, [runningMean, runningVar], momentum, count / (count - 1))
      })
    return standardize('instanceNorm', x, { axes, weight, bias, eps }, statistics)
  })
}
