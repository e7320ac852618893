/** Reading and adding by index: a pair whose members are each other's gradient. */
import { record } from '../autograd.ts'
import type { Backend, Kernels } from '../backend.ts'
import { type DType, isFloat, promote } from '../dtype.ts'
import { DTypeError, ShapeError, showShape } from '../errors.ts'
import { normalizeAxis, type Shape } from '../layout.ts'
import { cast } from '../ops/cast.ts'
import { copyInto, fillInto } from '../ops/fill.ts'
import { deviceOf } from '../ops/map.ts'
import { slice } from '../ops/movement.ts'
import { type Program, program } from '../program/program.ts'
import { constant, index, type Scalar, select } from '../program/scalar.ts'
import { Tensor } from '../tensor.ts'
import { restride, withTemporary } from './compose.ts'
import { kernel } from './dispatch.ts'

/** `x` where the last axis' number equals the index, else `otherwise`. */
function matching(dtype: DType, axis: number, otherwise: number): Program {
  return program({ name: 'matching', inputs: [dtype, 'i32'] }, (x, at) =>
    select(at!.eq(index(axis)), x!, constant(otherwise, dtype)),
  )
}

const insert = <T>(list: readonly T[], axis: number, value: T): T[] => list.with(axis, value)

/** Looks at every element of the axis and keeps the one that is meant: the largest, all others being -Infinity. */
export const composedGather =
  (device: Backend): Kernels['gather'] =>
  (x, at, out, axis) => {
    const { dtype } = x
    const lowest = isFloat(dtype) ? Number.NEGATIVE_INFINITY : dtype === 'i32' ? -(2 ** 31) : 0
    const space = [...out.shape, x.shape[axis]!]
    const wide = (source: Program): Program =>
      dtype === 'bool'
        ? program({ name: 'matching', inputs: [dtype, 'i32'] }, (v, i) =>
            select(i!.eq(index(out.shape.length)), v!.cast('i32'), 0),
          )
        : source
    const truth = program({ name: 'truth', inputs: ['i32'] }, (v: Scalar) => v.ne(0))
    device.reduce(
      {
        program: wide(matching(dtype, out.shape.length, lowest)),
        combine: 'max',
        ...(dtype === 'bool' && { finish: truth }),
      },
      [
        restride(x, space, [...insert(x.strides, axis, 0), x.strides[axis]!]),
        restride(at, space, [...at.strides, 0]),
      ],
      restride(out, [...out.shape, 1], [...out.strides, 0]),
    )
  }

/** For every element of the output the sum of the sources that point at it. */
export const composedScatterAdd =
  (device: Backend): Kernels['scatterAdd'] =>
  (out, at, src, axis) => {
    const { dtype } = out
    const count = src.shape[axis]!
    const space = [...out.shape, count]
    // The index compares with the position on the output's own axis.
    const source = program({ name: 'scatterAdd', inputs: [dtype, 'i32'] }, (v, i) =>
      select(i!.eq(index(axis)), v!, constant(0, dtype)),
    )
    const add = program({ name: 'add', inputs: [dtype, dtype] }, (a, b) => a!.add(b!))
    withTemporary(device, dtype, out.shape, (sums) => {
      device.reduce(
        { program: source, combine: 'sum' },
        [
          restride(src, space, [...insert(src.strides, axis, 0), src.strides[axis]!]),
          restride(at, space, [...insert(at.strides, axis, 0), at.strides[axis]!]),
        ],
        restride(sums, [...out.shape, 1], [...sums.strides, 0]),
      )
      device.map(add, [out, sums], [out])
    })
  }

function checkIndex(op: string, x: Shape, at: Tensor, axis: number): Tensor {
  if (isFloat(at.dtype) || at.dtype === 'bool')
    throw new DTypeError(`${op}: the index is ${at.dtype}; it must be i32`)
  if (at.rank !== x.length || at.shape.some((extent, i) => i !== axis && extent > x[i]!))
    throw new ShapeError(
      `${op}: the index is ${showShape(at.shape)}; but on axis ${axis} it must not be larger than ${showShape(x)}`,
    )
  return cast(at, 'i32')
}

/** What an index of `shape` can reach: the first elements of the other axes. */
function within(x: Tensor, shape: Shape, axis?: number): Tensor {
  const larger = x.shape.some((extent, i) => i !== axis && extent !== shape[i])
  return larger ? slice(x, ...shape.map((end, i) => (i === axis ? null : { end }))) : x
}

/**
 * Picks elements along one axis: `out[i][j] = x[index[i][j]][j]` for axis 0, `x[i][index[i][j]]` for
 * axis 1, and so on (PyTorch's `gather`, NumPy's `take_along_axis`).
 *
 * @param at i32, of x's shape but on `axis` (where it is smaller on others, the first elements of x
 *   are meant); every value in `0 .. size - 1`. Values out of range give any element: they are not
 *   checked, as that would mean waiting for the device.
 */
export function gather(x: Tensor, axis: number, at: Tensor): Tensor {
  const own = normalizeAxis('gather', axis, x.rank)
  const where = checkIndex('gather', x.shape, at, own)
  return pick(within(x, at.shape, own), own, where)
}

function pick(x: Tensor, own: number, where: Tensor): Tensor {
  const device = deviceOf('gather', [x, where])
  const out = Tensor.make(device, x.dtype, where.shape)
  if (out.size > 0) kernel(device, 'gather', x, composedGather)(x, where, out, own)
  const { shape } = x
  return record('gather', out, [x], [where], (g, [saved]) => [scatterInto(shape, own, saved!, g)])
}

/** Zeros of `shape` with `src` added at the index: the transpose of {@link gather}. */
export function scatterInto(shape: Shape, axis: number, at: Tensor, src: Tensor): Tensor {
  const device = deviceOf('scatterAdd', [at, src])
  const out = Tensor.make(device, src.dtype, shape)
  fillInto(device, out, 0)
  if (src.size > 0) kernel(device, 'scatterAdd', out, composedScatterAdd)(out, at, src, axis)
  return record('scatterAdd', out, [src], [at], (g, [saved]) => [gather(g, axis, saved!)])
}

/**
 * `x` with `src` added at the places that the index names along one axis; equal indices add up
 * (PyTorch's `scatter_add`). `at` and `src` have one shape (what `src` has beyond it is left out); see
 * {@link gather}. Of two floats the result has the dtype that holds both.
 */
export function scatterAdd(x: Tensor, axis: number, at: Tensor, src: Tensor): Tensor {
  const common = promote(x.dtype, src.dtype)
  if (x.dtype !== src.dtype && isFloat(x.dtype) && isFloat(src.dtype))
    return scatterAdd(cast(x, common), axis, at, cast(src, common))
  const own = normalizeAxis('scatterAdd', axis, x.rank)
  const where = checkIndex('scatterAdd', x.shape, at, own)
  if (src.dtype !== x.dtype || src.rank !== at.rank || src.shape.some((n, i) => n < at.shape[i]!))
    throw new ShapeError(
      `scatterAdd: the source is ${src.dtype} ${showShape(src.shape)}; it must be ${x.dtype} ${showShape(at.shape)}, as the index`,
    )
  return spread(x, own, where, within(src, at.shape))
}

function spread(x: Tensor, own: number, where: Tensor, src: Tensor): Tensor {
  const device = deviceOf('scatterAdd', [x, where, src])
  const out = Tensor.make(device, x.dtype, x.shape)
  copyInto(device, x, out)
  const reached = restride(out, where.shape.with(own, x.shape[own]!), out.strides)
  if (src.size > 0) kernel(device, 'scatterAdd', out, composedScatterAdd)(reached, where, src, own)
  return record('scatterAdd', out, [x, src], [where], (g, [saved]) => [g, gather(g, own, saved!)])
}
