/**
 * Batch normalisation as a function: what is special about it are the running statistics. See
 * `standardize.ts` for the rest.
 */
import {
  ArgumentError,
  computeType,
  DTypeError,
  type FloatDType,
  noGrad,
  ShapeError,
  scope,
  showShape,
  type Tensor,
} from '@nablajs/tensor'
import { constant, mapProgram, program, type Scalar, updateInPlace } from '@nablajs/tensor/program'
import { floatType } from './check.ts'
import { memoize } from './memoize.ts'
import { standardize, statisticsOf } from './standardize.ts'

export interface BatchNormOptions {
  /** The factor γ of each channel, `[C]`. Default: 1. */
  weight?: Tensor | undefined
  /** The offset β of each channel, `[C]`. Default: 0. */
  bias?: Tensor | undefined
  /** The running mean `[C]`: written when training, read otherwise. */
  runningMean?: Tensor | undefined
  /** The running (unbiased) variance `[C]`: written when training, read otherwise. */
  runningVar?: Tensor | undefined
  /** Whether to use the batch's statistics; always so without running ones. Default false. */
  training?: boolean
  /** The share of the new statistics: `running = (1 - m) running + m batch`. Default 0.1. */
  momentum?: number | Tensor
  /** Added to the variance. Default 1e-5. */
  eps?: number
}

/** γ / √(variance + ε) */
const scaleOf = memoize(({ dtype, weighted }: { dtype: FloatDType; weighted: boolean }) =>
  program(
    {
      name: 'batchNorm scale',
      inputs: weighted ? [dtype, dtype] : [dtype],
      scalars: [dtype],
    },
    (variance, ...rest) => {
      const deviation = variance!.add(rest.at(-1)!).sqrt()
      return weighted ? rest[0]!.div(deviation) : constant(1, dtype).div(deviation)
    },
  ),
)

const normalise = memoize(
  ({ data, dtype, shifted }: { data: FloatDType; dtype: FloatDType; shifted: boolean }) =>
    program(
      { name: 'batchNorm', inputs: [data, dtype, dtype, ...(shifted ? [dtype] : [])] },
      (x, center, scale, shift) => {
        const y = x!.cast(dtype).sub(center!).mul(scale!)
        return (shifted ? y.add(shift!) : y).cast(data)
      },
    ),
)

/**
 * Both running statistics in one kernel: `r + m (batch - r)`, with the unbiased variance. m is a
 * number given with the call, or a tensor.
 */
const moveRunning = memoize(({ dtype, fixed }: { dtype: FloatDType; fixed: boolean }) => {
  const step = (old: Scalar, now: Scalar, m: Scalar): Scalar => old.add(now.sub(old).mul(m))
  return program(
    {
      name: 'batchNorm running',
      inputs: [dtype, dtype, dtype, dtype, ...(fixed ? [] : [dtype])],
      scalars: fixed ? [dtype, dtype] : [dtype],
    },
    (mean, variance, oldMean, oldVariance, m, unbias) => [
      step(oldMean!, mean!, m!),
      step(oldVariance!, variance!.mul(unbias!), m!),
    ],
  )
})

/** Moves running statistics towards those of a batch. */
export function updateRunning(
  statistics: readonly [mean: Tensor, variance: Tensor],
  running: readonly [mean: Tensor, variance: Tensor],
  momentum: number | Tensor,
  unbias: number,
): void {
  const dtype = running[0].dtype as FloatDType
  const inputs = [...statistics, ...running]
  if (typeof momentum === 'number')
    updateInPlace(moveRunning({ dtype, fixed: true }), inputs, running, [momentum, unbias])
  else
    updateInPlace(
      moveRunning({ dtype, fixed: false }),
      [...inputs, momentum.cast(dtype)],
      running,
      [unbias],
    )
}

/**
 * Normalises each channel over all other axes: `(x - mean) / √(variance + eps) · weight + bias`.
 *
 * In training the mean and the biased variance are the batch's, gradients flow through both, and the
 * running statistics are moved towards the batch's mean and unbiased variance. Otherwise the running
 * ones are used. Ioffe & Szegedy: "Batch Normalization", arXiv 1502.03167.
 *
 * Keras's momentum is 1 minus this one.
 *
 * @param x `[N, ..., C]`, channels last.
 * @throws ShapeError when a tensor is not `[C]`, or when a training batch has one value per channel.
 */
export function batchNorm(x: Tensor, options: BatchNormOptions = {}): Tensor {
  return scope(() => {
    const { runningMean, runningVar, momentum = 0.1, eps = 1e-5 } = options
    const dtype = check(x, options)
    const [weight, bias] = [options.weight?.cast(dtype), options.bias?.cast(dtype)]
    if (!runningMean !== !runningVar)
      throw new ArgumentError('batchNorm: runningMean and runningVar come together or not at all')
    if (options.training || !runningMean || !runningVar) {
      const channels = x.shape.at(-1)!
      const count = x.size / (channels || 1)
      if (count <= 1)
        throw new ShapeError(
          `batchNorm: ${showShape(x.shape)} has ${count} values for each channel; training needs two or more`,
        )
      const axes = x.shape.slice(0, -1).map((_, axis) => axis)
      const statistics = noGrad(() => statisticsOf('batchNorm', x, axes))
      if (runningMean && runningVar) {
        const batch = [
          statistics.mean!.reshape([channels]),
          statistics.variance.reshape([channels]),
        ]
        const unbias = count / (count - 1)
        noGrad(() =>
          updateRunning([batch[0]!, batch[1]!], [runningMean, runningVar], momentum, unbias),
        )
      }
      return standardize('batchNorm', x, { axes, weight, bias, eps }, statistics)
    }
    const scale = mapProgram(
      scaleOf({ dtype, weighted: weight !== undefined }),
      weight ? [runningVar, weight] : [runningVar],
      [eps],
    )
    const tensors = [x, runningMean, scale, ...(bias ? [bias] : [])]
    const data = x.dtype as FloatDType
    return mapProgram(normalise({ data, dtype, shifted: bias !== undefined }), tensors)
  })
}

/** What an input is normalised in; running statistics must be of that dtype. */
function check(x: Tensor, options: BatchNormOptions): FloatDType {
  const { weight, bias, runningMean, runningVar } = options
  const dtype = computeType(floatType('batchNorm', x))
  const channels = x.shape.at(-1)
  if (x.rank < 2)
    throw new ShapeError(`batchNorm: the input is ${showShape(x.shape)}; it must be [N, ..., C]`)
  for (const [name, t] of Object.entries({ weight, bias, runningMean, runningVar })) {
    if (!t) continue
    if (t.rank !== 1 || t.shape[0] !== channels)
      throw new ShapeError(
        `batchNorm: the input is ${showShape(x.shape)}, ${name} ${showShape(t.shape)}; it must be [${channels}]`,
      )
    // Running statistics are written in place, and sums of small shares need f32.
    if (
      t.dtype !== dtype &&
      (name.startsWith('running') || computeType(floatType('batchNorm', t, name)) !== dtype)
    )
      throw new DTypeError(`batchNorm: the input is ${x.dtype}, ${name} ${t.dtype}; cast one`)
  }
  return dtype
}
