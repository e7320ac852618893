/** Layer, RMS, group and instance normalisation as functions; see `standardize.ts` for how they run. */
import { ArgumentError, noGrad, ShapeError, scope, showShape, type Tensor } from '@nablajs/tensor'
import { batchNorm, updateRunning } from './batch-norm.ts'
import { checkShape, floatType } from './check.ts'
import { standardize, statisticsOf } from './standardize.ts'

export interface AffineOptions {
  /** Factors. Default: 1. */
  weight?: Tensor | undefined
  /** Offsets. Default: 0. */
  bias?: Tensor | undefined
  /** Added to the variance. Default 1e-5. */
  eps?: number
}

/** The numbers of the last axes, which have to be `shape`. */
function lastAxes(op: string, x: Tensor, shape: readonly number[]): number[] {
  const lead = x.rank - shape.length
  if (shape.length === 0 || lead < 0 || x.shape.slice(lead).join() !== shape.join())
    throw new ShapeError(
      `${op}: the input is ${showShape(x.shape)}; its last axes must be ${showShape(shape)}`,
    )
  return shape.map((_, i) => lead + i)
}

function checkAffine(
  op: string,
  { weight, bias }: Omit<AffineOptions, 'eps'>,
  shape: readonly number[],
): void {
  if (weight) checkShape(op, 'weight', weight, shape)
  if (bias) checkShape(op, 'bias', bias, shape)
}

/**
 * Normalises each row over its last axes: `(x - mean) / √(variance + eps) · weight + bias`, with the
 * biased variance. No row sees another, and training and evaluation are the same. Ba, Kiros, Hinton:
 * "Layer Normalization", arXiv 1607.06450.
 *
 * @param x `[..., ...shape]`.
 * @param shape The sizes of the axes that are normalised together; weight and bias have it too.
 * @throws ShapeError when the last axes are not `shape`.
 * @example
 * ```ts
 * layerNorm(tensor([[1, 3], [0, 8]]), [2])   // [[-1, 1], [-1, 1]], nearly
 * ```
 */
export function layerNorm(
  x: Tensor,
  shape: readonly number[],
  options: AffineOptions = {},
): Tensor {
  floatType('layerNorm', x)
  const axes = lastAxes('layerNorm', x, shape)
  checkAffine('layerNorm', options, shape)
  const { weight, bias, eps = 1e-5 } = options
  return scope(() => standardize('layerNorm', x, { axes, weight, bias, eps }))
}

export interface RmsNormOptions {
  /** Factors, of the normalised shape. Default: 1. */
  weight?: Tensor | undefined
  /** Added to the mean square. Default: the distance from 1 to the next number of the dtype. */
  eps?: number | undefined
}

const epsilon = { f32: 2 ** -23, f64: 2 ** -52 } as const

/**
 * Divides each row by the root of the mean of its squares over the last axes:
 * `x / √(mean(x²) + eps) · weight`. Zhang & Sennrich: "Root Mean Square Layer Normalization", arXiv
 * 1910.07467.
 *
 * @param x `[..., ...shape]`.
 * @throws ShapeError when the last axes are not `shape`.
 * @example
 * ```ts
 * rmsNorm(tensor([3, 4]), [2])   // [3, 4] / √12.5
 * ```
 */
export function rmsNorm(x: Tensor, shape: readonly number[], options: RmsNormOptions = {}): Tensor {
  const dtype = floatType('rmsNorm', x)
  const axes = lastAxes('rmsNorm', x, shape)
  checkAffine('rmsNorm', options, shape)
  const { weight, eps = epsilon[dtype] } = options
  return scope(() => standardize('rmsNorm', x, { axes, center: false, weight, eps }))
}

/** `[N, ..., C]`, with at least those two axes. */
function channelsOf(op: string, x: Tensor, least: number): number {
  floatType(op, x)
  if (x.rank < least)
    throw new ShapeError(
      `${op}: the input is ${showShape(x.shape)}; it must be ${least === 2 ? '[N, ..., C]' : '[N, ..., C] with axes between'}`,
    )
  return x.shape.at(-1)!
}

/**
 * Normalises groups of channels of each image: over all positions and the channels of a group. One
 * group is layer norm over the whole image, a group for each channel is instance norm. Wu & He:
 * "Group Normalization", arXiv 1803.08494.
 *
 * @param x `[N, ..., C]`, channels last; weight and bias are `[C]`.
 * @param groups Divides C.
 * @throws ShapeError for other shapes; ArgumentError when `groups` does not divide C.
 */
export function groupNorm(x: Tensor, groups: number, options: AffineOptions = {}): Tensor {
  const channels = channelsOf('groupNorm', x, 2)
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0)
    throw new ArgumentError(
      `groupNorm: groups is ${groups}; it must divide the ${channels} channels`,
    )
  checkAffine('groupNorm', options, [channels])
  const { weight, bias, eps = 1e-5 } = options
  return scope(() => {
    const split = [groups, channels / groups]
    const y = standardize('groupNorm', x.reshape([x.shape[0]!, -1, ...split]), {
      axes: [1, 3],
      weight: weight?.reshape(split),
      bias: bias?.reshape(split),
      eps,
    })
    return y.reshape(x.shape)
  })
}

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
