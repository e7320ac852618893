/**
 * Order along one axis (default: the last). NaN counts as the largest number everywhere, and equal
 * elements keep their order. Gradients go to the elements that were picked.
 */
import { ShapeError, showShape } from '../errors.ts'
import { kernel } from '../kernels/dispatch.ts'
import { gather } from '../kernels/gather.ts'
import { composedSort } from '../kernels/sort.ts'
import { normalizeAxis } from '../layout.ts'
import { Tensor } from '../tensor.ts'
import { cast } from './cast.ts'
import { slice } from './movement.ts'
import { argmax, argmin, type ReduceOptions, sum } from './reduce.ts'
import { squeezeAxes } from './sum.ts'

/** Elements of a tensor and where they were found. */
export interface Indexed {
  readonly values: Tensor
  /** Positions on the axis, i32. */
  readonly indices: Tensor
}

export interface SortOptions {
  /** From the largest to the smallest. Default false. */
  descending?: boolean
}

/** The indices (i32) that sort an axis; see {@link sort}. */
export function argsort(x: Tensor, axis = -1, options: SortOptions = {}): Tensor {
  if (x.dtype === 'bool') return argsort(cast(x, 'i32'), axis, options)
  const own = normalizeAxis('sort', axis, x.rank)
  const indices = Tensor.make(x.device, 'i32', x.shape)
  if (x.size > 0)
    kernel(x.device, 'sort', x, composedSort)(x, indices, own, options.descending ?? false)
  return indices
}

function pick(x: Tensor, axis: number, indices: Tensor, options: ReduceOptions): Indexed {
  const values = gather(x, axis, indices)
  return {
    values: squeezeAxes(values, [axis], options),
    indices: squeezeAxes(indices, [axis], options),
  }
}

/**
 * The elements of an axis from the smallest to the largest, and where they were. The order of equal
 * elements stays.
 *
 * @example
 * ```ts
 * const { values, indices } = sort(tensor([3, 1, 2]))   // [1, 2, 3] and [1, 2, 0]
 * ```
 */
export function sort(x: Tensor, axis = -1, options: SortOptions = {}): Indexed {
  return pick(x, normalizeAxis('sort', axis, x.rank), argsort(x, axis, options), { keepdim: true })
}

export interface TopkOptions {
  /** The largest ones (default), or the smallest. */
  largest?: boolean
}

/**
 * The k largest (or smallest) elements of an axis, in order, and where they were.
 *
 * @throws ShapeError when the axis has fewer than k elements.
 */
export function topk(x: Tensor, k: number, axis = -1, options: TopkOptions = {}): Indexed {
  const own = normalizeAxis('topk', axis, x.rank)
  if (!Number.isInteger(k) || k < 0 || k > x.shape[own]!)
    throw new ShapeError(
      `topk: k is ${k}; axis ${axis} of ${showShape(x.shape)} has ${x.shape[own]} elements`,
    )
  const order = argsort(x, own, { descending: options.largest ?? true })
  const first = slice(order, ...x.shape.map((_, i) => (i === own ? { end: k } : null)))
  return pick(x, own, first, { keepdim: true })
}

function extremum(search: typeof argmax, x: Tensor, axis: number, options: ReduceOptions): Indexed {
  const indices = search(x.detach(), axis, { keepdim: true })
  return pick(x, normalizeAxis('max', axis, x.rank), indices, options)
}

/** The largest element of an axis, which alone gets the gradient, and its index (the first among equals). */
export function maxWithIndices(x: Tensor, axis: number, options: ReduceOptions = {}): Indexed {
  return extremum(argmax, x, axis, options)
}

/** The smallest element of an axis, which alone gets the gradient, and its index (the first among equals); NaN counts as the smallest here. */
export function minWithIndices(x: Tensor, axis: number, options: ReduceOptions = {}): Indexed {
  return extremum(argmin, x, axis, options)
}

/**
 * The median of an axis, of an even number of elements the lower one of the two in the middle (as
 * PyTorch), and its index. NaN if there is one.
 */
export function medianWithIndices(x: Tensor, axis: number, options: ReduceOptions = {}): Indexed {
  const own = normalizeAxis('median', axis, x.rank)
  const count = x.shape[own]!
  if (count === 0)
    throw new ShapeError(`median: ${showShape(x.shape)} has no elements on axis ${axis}`)
  const order = argsort(x, own)
  // The first NaN in the order, if there is one.
  const missing = sum(x.isnan(), own, { keepdim: true })
  const place = missing.eq(0).where((count - 1) >> 1, missing.neg().add(count))
  return pick(x, own, gather(order, own, place), options)
}

/** The median of an axis, or of all elements; see {@link medianWithIndices}. */
export function median(x: Tensor, axis?: number, options?: ReduceOptions): Tensor {
  if (axis === undefined) return medianWithIndices(x.reshape([-1]), 0).values
  return medianWithIndices(x, axis, options).values
}
