/** Reading and writing by index and by mask, in the forms of PyTorch. Indices are not checked: see `gather`. */
import { promote } from '../dtype.ts'
import { DTypeError, ShapeError, showShape } from '../errors.ts'
import { gather, scatterAdd, scatterInto } from '../kernels/gather.ts'
import { broadcastShapes, normalizeAxis, type Shape, sameShape } from '../layout.ts'
import { program } from '../program/program.ts'
import type { Tensor } from '../tensor.ts'
import { where } from './binary.ts'
import { cast } from './cast.ts'
import { ones } from './create.ts'
import type { Operand } from './elementwise.ts'
import { expand, reshape, unsqueeze } from './movement.ts'
import { runReduce, squeezeAxes } from './sum.ts'

/** One index for a whole slice, shown as the index of each of its elements. */
function spread(op: string, at: Tensor, shape: Shape, axis: number): Tensor {
  if (at.rank !== 1)
    throw new ShapeError(`${op}: the index is ${showShape(at.shape)}; it has one axis`)
  const wide = reshape(
    at,
    shape.map((_, i) => (i === axis ? at.size : 1)),
  )
  return expand(wide, shape.with(axis, at.size))
}

/** The slices of an axis that `at` (i32, one axis) names. */
export function indexSelect(x: Tensor, axis: number, at: Tensor): Tensor {
  const own = normalizeAxis('indexSelect', axis, x.rank)
  return gather(x, own, spread('indexSelect', at, x.shape, own))
}

/** `x` with the slices of `src`, times `alpha` (1), added to those that `at` names; equal indices add up. */
export function indexAdd(x: Tensor, axis: number, at: Tensor, src: Tensor, alpha = 1): Tensor {
  const own = normalizeAxis('indexAdd', axis, x.rank)
  const scaled = alpha === 1 ? src : src.mul(alpha)
  return scatterAdd(x, own, spread('indexAdd', at, x.shape, own), scaled)
}

/** The elements at positions of the flattened tensor, in the shape of `at`. */
export function take(x: Tensor, at: Tensor): Tensor {
  return reshape(gather(reshape(x, [-1]), 0, reshape(at, [-1])), at.shape)
}

/** As `gather`, with `x` and `at` broadcast on the other axes; without an axis, of the flattened tensors. */
export function takeAlongDim(x: Tensor, at: Tensor, axis?: number): Tensor {
  if (axis === undefined) return gather(reshape(x, [-1]), 0, reshape(at, [-1]))
  const own = normalizeAxis('takeAlongDim', axis, x.rank)
  const others = broadcastShapes('takeAlongDim', x.shape.with(own, 1), at.shape.with(own, 1))
  return gather(
    expand(x, others.with(own, x.shape[own]!)),
    own,
    expand(at, others.with(own, at.shape[own]!)),
  )
}

/** `value` where the mask (bool) is true, x elsewhere; the two broadcast. */
export function maskedFill(x: Tensor, mask: Tensor, value: Operand): Tensor {
  if (mask.dtype !== 'bool')
    throw new DTypeError(`maskedFill: the mask is ${mask.dtype}; it must be bool`)
  return where(mask, value, x)
}

export interface SearchsortedOptions {
  /** After the elements that are equal, instead of before them. Default false. */
  right?: boolean
}

/**
 * Where values would have to be inserted to keep an axis sorted: the number (i32) of its elements
 * that are smaller.
 *
 * @param sorted Ascending, `[..., S]`, or one axis for all values.
 * @param values `[..., V]` with the same leading axes, or any shape.
 */
export function searchsorted(
  sorted: Tensor,
  values: Tensor,
  options: SearchsortedOptions = {},
): Tensor {
  const lead = sorted.shape.slice(0, -1)
  if (sorted.rank === 0 || (lead.length > 0 && !sameShape(lead, values.shape.slice(0, -1))))
    throw new ShapeError(
      `searchsorted: ${showShape(values.shape)} in ${showShape(sorted.shape)}: leading axes must be equal`,
    )
  const dtype = promote(sorted.dtype, values.dtype)
  const below = program({ name: 'searchsorted', inputs: [dtype, dtype] }, (s, v) =>
    (options.right ? s!.gt(v!) : s!.ge(v!)).not().cast('i32'),
  )
  const rows = lead.length > 0 ? unsqueeze(sorted, -2) : sorted
  const inputs = [cast(rows, dtype), cast(unsqueeze(values, -1), dtype)]
  const space = [...values.shape, sorted.shape.at(-1)!]
  const last = [values.rank]
  return squeezeAxes(runReduce({ program: below, combine: 'sum' }, inputs, space, last), last, {})
}

/**
 * How often each of 0 .. length - 1 occurs (i32), or the sum of the weights of where it does.
 *
 * @param x Whole numbers in `0 .. length - 1`; not checked. PyTorch finds the length itself, for which
 *   one has to wait for the device.
 */
export function bincount(x: Tensor, length: number, weights?: Tensor): Tensor {
  const each = weights ?? ones([x.size], { dtype: 'i32', device: x.device })
  return scatterInto([length], 0, cast(reshape(x, [-1]), 'i32'), reshape(each, [-1]))
}
