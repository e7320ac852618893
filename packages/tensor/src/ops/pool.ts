/** Pooling beyond images' means and maxima, and normalization over neighboring channels. */
import { preciseType } from '../autocast.ts'
import { ShapeError, showShape } from '../errors.ts'
import type { Pair } from '../kernels/conv2d.ts'
import { pair } from '../kernels/conv2d.ts'
import { avgPool2d, type MaxPool2dOptions, maxPool2dWithIndices } from '../kernels/pool2d.ts'
import type { Tensor } from '../tensor.ts'
import { computed } from './computed.ts'
import { slice, squeeze, unsqueeze } from './movement.ts'
import { pad } from './pad.ts'
import { root } from './power.ts'
import type { Indexed } from './sort.ts'

export interface Pool1dOptions {
  /** Step between windows. Default: the window's size. */
  stride?: number
  /** Elements on both sides that belong to windows, at most half of the window. Default 0. */
  padding?: number
  /** Round the output's size up. Default false. */
  ceilMode?: boolean
}

export interface MaxPool1dOptions extends Pool1dOptions {
  /** Distance between the taps of the window. Default 1. */
  dilation?: number
}

export interface AvgPool1dOptions extends Pool1dOptions {
  /** Whether padding counts in the mean. Default true. */
  countIncludePad?: boolean
}

/** A sequence as an image with one row. */
function row(op: string, x: Tensor): Tensor {
  if (x.rank !== 3) throw new ShapeError(`${op}: ${showShape(x.shape)}: sequences are [N, L, C]`)
  return unsqueeze(x, 1)
}

const flat = (
  { stride, padding, dilation, ceilMode = false }: MaxPool1dOptions,
  window: number,
): MaxPool2dOptions => ({
  stride: [1, stride ?? window],
  padding: [0, padding ?? 0],
  dilation: [1, dilation ?? 1],
  ceilMode,
})

/** The largest value of each window of sequences `[N, L, C]`, and its position (i32). */
export function maxPool1dWithIndices(
  x: Tensor,
  window: number,
  options: MaxPool1dOptions = {},
): Indexed {
  const found = maxPool2dWithIndices(row('maxPool1d', x), [1, window], flat(options, window))
  return { values: squeeze(found.values, 1), indices: squeeze(found.indices, 1) }
}

/** The largest value of each window of sequences `[N, L, C]`; see `maxPool2d`. */
export function maxPool1d(x: Tensor, window: number, options?: MaxPool1dOptions): Tensor {
  return maxPool1dWithIndices(x, window, options).values
}

/** The mean of each window of sequences `[N, L, C]`; see `avgPool2d`. */
export function avgPool1d(x: Tensor, window: number, options: AvgPool1dOptions = {}): Tensor {
  const { countIncludePad = true } = options
  const image = row('avgPool1d', x)
  return squeeze(avgPool2d(image, [1, window], { ...flat(options, window), countIncludePad }), 1)
}

export interface LpPool2dOptions {
  /** Step between windows. Default: the window's size. */
  stride?: Pair
  /** Round the output's size up. Default false. */
  ceilMode?: boolean
}

/**
 * `(Σ xᵖ)^(1/p)` of each window of images `[N, H, W, C]`: the sum for p = 1, near the maximum for
 * large p. (Without absolute values, as PyTorch: an odd p wants x ≥ 0.)
 */
export function lpPool2d(x: Tensor, p: number, window: Pair, options?: LpPool2dOptions): Tensor {
  const [h, w] = pair('lpPool2d', 'the window', window, 1)
  const done = computed(x, preciseType(x.dtype), (wide) => lpPool2d(wide, p, window, options))
  if (done) return done
  return root(avgPool2d(x.pow(p), [h, w], options).mul(h * w), 1 / p)
}

export interface LocalResponseNormOptions {
  /** Default 1e-4. It is divided by `size`, as in PyTorch and Caffe; the paper's is not. */
  alpha?: number
  /** Default 0.75. */
  beta?: number
  /** Default 1; the paper has 2. */
  k?: number
}

/**
 * `x / (k + alpha / size Σ x²)^beta`, with the sum over `size` neighboring channels (the last axis),
 * of which `size / 2` come before (Krizhevsky et al., 2012).
 */
export function localResponseNorm(
  x: Tensor,
  size: number,
  options: LocalResponseNormOptions = {},
): Tensor {
  const { alpha = 1e-4, beta = 0.75, k = 1 } = options
  const done = computed(x, preciseType(x.dtype), (wide) => localResponseNorm(wide, size, options))
  if (done) return done
  const [last, channels] = [x.rank - 1, x.shape.at(-1)!]
  const before = Math.floor(size / 2)
  const ends = x.shape.map((_, axis): [number, number] =>
    axis === last ? [before, size - 1 - before] : [0, 0],
  )
  const squares = pad(x.square(), ends)
  const sum = Array.from({ length: size }, (_, start) =>
    slice(
      squares,
      ...x.shape.map((_, axis) => (axis === last ? { start, end: start + channels } : null)),
    ),
  ).reduce((total, part) => total.add(part))
  return x.div(
    sum
      .mul(alpha / size)
      .add(k)
      .pow(beta),
  )
}
