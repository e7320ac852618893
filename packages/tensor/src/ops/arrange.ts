/** More ways to arrange the elements of a tensor, made of slices, views and joins. */
import { ArgumentError, ShapeError, showShape } from '../errors.ts'
import { normalizeAxis } from '../layout.ts'
import { type Program, program } from '../program/program.ts'
import { index, select } from '../program/scalar.ts'
import type { Tensor } from '../tensor.ts'
import { tensor } from './create.ts'
import { indexSelect } from './indexing.ts'
import { concat } from './join.ts'
import { mapProgram } from './map.ts'
import { expand, flip, permute, reshape, slice, transpose, unsqueeze } from './movement.ts'

/** Elements `start` .. `end` (without it) of one axis, as a view. */
function narrow(x: Tensor, axis: number, start: number, end: number): Tensor {
  return slice(x, ...x.shape.slice(0, axis + 1).map((_, i) => (i === axis ? { start, end } : null)))
}

/** A tensor laid side by side: `repeats` times along each axis (leading axes are added as needed). */
export function tile(x: Tensor, repeats: readonly number[]): Tensor {
  const lead = repeats.length - x.rank
  const times = lead < 0 ? [...new Array<number>(-lead).fill(1), ...repeats] : repeats
  const shape = lead < 0 ? x.shape : [...new Array<number>(lead).fill(1), ...x.shape]
  const split = reshape(
    x,
    shape.flatMap((extent) => [1, extent]),
  )
  const wide = expand(
    split,
    shape.flatMap((extent, axis) => [times[axis]!, extent]),
  )
  return reshape(
    wide,
    shape.map((extent, axis) => extent * times[axis]!),
  )
}

/**
 * Every element repeated in its place: `repeats` times, or a number of times of its own. Without an
 * axis, of the flattened tensor.
 */
export function repeatInterleave(
  x: Tensor,
  repeats: number | readonly number[],
  axis?: number,
): Tensor {
  if (axis === undefined) return repeatInterleave(reshape(x, [-1]), repeats, 0)
  const own = normalizeAxis('repeatInterleave', axis, x.rank)
  const extent = x.shape[own]!
  if (typeof repeats === 'number') {
    const wide = unsqueeze(x, own + 1)
    const shape = wide.shape.with(own + 1, repeats)
    return reshape(expand(wide, shape), x.shape.with(own, extent * repeats))
  }
  if (repeats.length !== extent)
    throw new ShapeError(
      `repeatInterleave: ${repeats.length} counts for axis ${axis} of ${showShape(x.shape)}`,
    )
  const at = repeats.flatMap((count, i) => new Array<number>(count).fill(i))
  return indexSelect(x, own, tensor(at, { dtype: 'i32', device: x.device }))
}

const listOf = (value: number | readonly number[]): readonly number[] =>
  typeof value === 'number' ? [value] : value

/**
 * Moves elements by `shifts` along `axes`; what leaves at one end comes in at the other. Without
 * axes, in the flattened tensor.
 */
export function roll(
  x: Tensor,
  shifts: number | readonly number[],
  axes?: number | readonly number[],
): Tensor {
  if (axes === undefined) return reshape(roll(reshape(x, [-1]), shifts, 0), x.shape)
  const [by, on] = [listOf(shifts), listOf(axes)]
  if (by.length !== on.length)
    throw new ArgumentError(`roll: ${by.length} shifts for ${on.length} axes`)
  return on.reduce((t, axis, i) => {
    const own = normalizeAxis('roll', axis, x.rank)
    const extent = x.shape[own]!
    const start = ((-by[i]! % extent) + extent) % extent || 0
    if (start === 0) return t
    return concat([narrow(t, own, start, extent), narrow(t, own, 0, start)], own)
  }, x)
}

/** Moves axes to other places; the rest keep their order. A view. */
export function movedim(
  x: Tensor,
  from: number | readonly number[],
  to: number | readonly number[],
): Tensor {
  const normal = (axes: number | readonly number[]) =>
    listOf(axes).map((axis) => normalizeAxis('movedim', axis, x.rank))
  const [source, target] = [normal(from), normal(to)]
  if (source.length !== target.length)
    throw new ArgumentError(`movedim: ${source.length} axes to ${target.length} places`)
  const rest = [...x.shape.keys()].filter((axis) => !source.includes(axis))
  return permute(
    x,
    x.shape.map((_, place) => {
      const moved = target.indexOf(place)
      return moved < 0 ? rest.shift()! : source[moved]!
    }),
  )
}

/** A quarter turn, `k` times, from the first of two axes towards the second. A view. */
export function rot90(x: Tensor, k = 1, axes: readonly [number, number] = [0, 1]): Tensor {
  const turns = ((k % 4) + 4) % 4
  if (turns === 0) return x
  if (turns === 2) return flip(x, axes)
  return transpose(flip(x, axes[turns === 1 ? 1 : 0]), ...axes)
}

/** Parts of an axis, as views: all of one size (but a smaller last one), or of the sizes given. */
export function split(x: Tensor, sizes: number | readonly number[], axis = 0): Tensor[] {
  const own = normalizeAxis('split', axis, x.rank)
  const extent = x.shape[own]!
  if (typeof sizes === 'number') {
    if (!(Number.isInteger(sizes) && sizes > 0))
      throw new ArgumentError(`split: the size is ${sizes}; it must be a whole number > 0`)
    const count = Math.max(1, Math.ceil(extent / sizes))
    return Array.from({ length: count }, (_, i) =>
      narrow(x, own, i * sizes, Math.min(extent, (i + 1) * sizes)),
    )
  }
  if (sizes.reduce((sum, size) => sum + size, 0) !== extent)
    throw new ShapeError(
      `split: sizes [${sizes.join(', ')}] do not add up to axis ${axis} of ${showShape(x.shape)}`,
    )
  let start = 0
  return sizes.map((size) => {
    start += size
    return narrow(x, own, start - size, start)
  })
}

/** At most `count` parts of equal size, of which the last may be smaller; views. */
export function chunk(x: Tensor, count: number, axis = 0): Tensor[] {
  const extent = x.shape[normalizeAxis('chunk', axis, x.rank)]!
  return split(x, Math.max(1, Math.ceil(extent / count)), axis)
}

/** The slices of an axis, which they no longer have; views. */
export function unbind(x: Tensor, axis = 0): Tensor[] {
  const own = normalizeAxis('unbind', axis, x.rank)
  const shape = x.shape.toSpliced(own, 1)
  return Array.from({ length: x.shape[own]! }, (_, i) => reshape(narrow(x, own, i, i + 1), shape))
}

function triangle(name: string, x: Tensor, diagonal: number): Tensor {
  if (x.rank < 2) throw new ShapeError(`${name}: ${showShape(x.shape)}: a matrix has two axes`)
  const source: Program = program(
    { name, inputs: [x.dtype], scalars: ['i32'] },
    (value, offset) => {
      const distance = index(x.rank - 1).sub(index(x.rank - 2))
      const keep = name === 'tril' ? distance.le(offset!) : distance.ge(offset!)
      return x.dtype === 'bool' ? keep.and(value!) : select(keep, value!, 0)
    },
  )
  return mapProgram(source, [x], [diagonal])
}

/** The lower triangle of matrices, up to the given diagonal (0; positive ones lie above); zeros elsewhere. */
export function tril(x: Tensor, diagonal = 0): Tensor {
  return triangle('tril', x, diagonal)
}

/** The upper triangle of matrices, from the given diagonal on (0; positive ones lie above); zeros elsewhere. */
export function triu(x: Tensor, diagonal = 0): Tensor {
  return triangle('triu', x, diagonal)
}
