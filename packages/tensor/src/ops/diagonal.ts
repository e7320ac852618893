/** Diagonals of matrices. */
import { record } from '../autograd.ts'
import type { View } from '../backend.ts'
import { ShapeError, showShape } from '../errors.ts'
import { normalizeAxis, type Shape } from '../layout.ts'
import { Tensor } from '../tensor.ts'
import { copyInto, fillInto } from './fill.ts'
import { sum } from './reduce.ts'

type Place = readonly [offset: number, rows: number, columns: number]

/** The diagonal of two axes as the last axis of a view. */
function along(
  { shape, strides, offset }: Pick<View, 'shape' | 'strides' | 'offset'>,
  [diagonal, rows, columns]: Place,
) {
  const [below, right] = [Math.max(0, -diagonal), Math.max(0, diagonal)]
  const count = Math.max(0, Math.min(shape[rows]! - below, shape[columns]! - right))
  const rest = (list: readonly number[]) => list.filter((_, i) => i !== rows && i !== columns)
  const [down, across] = [strides[rows]!, strides[columns]!]
  return {
    shape: [...rest(shape), count],
    strides: [...rest(strides), down + across],
    offset: offset + (count > 0 ? below * down + right * across : 0),
  }
}

function take(x: Tensor, place: Place): Tensor {
  const from = x.shape
  const { shape, strides, offset } = along(x, place)
  return record('diagonal', x.window(shape, strides, offset), [x], [], (g) => [put(g, from, place)])
}

/** Zeros of `shape` with a diagonal: the transpose of {@link take}. */
function put(x: Tensor, shape: Shape, place: Place): Tensor {
  const out = Tensor.make(x.device, x.dtype, shape)
  fillInto(x.device, out, 0)
  const { buffer, dtype } = out
  if (x.size > 0) copyInto(x.device, x, { buffer, dtype, ...along(out, place) })
  return record('diagonal', out, [x], [], (g) => [take(g, place)])
}

/** The elements whose column is `offset` to the right of their row, as the last axis of a view. */
export function diagonal(x: Tensor, offset = 0, rows = 0, columns = 1): Tensor {
  const [a, b] = [rows, columns].map((axis) => normalizeAxis('diagonal', axis, x.rank))
  if (a === b) throw new ShapeError(`diagonal: axes ${rows} and ${columns} must be two`)
  return take(x, [offset, a!, b!])
}

/** Square matrices with the last axis on a diagonal, zeros elsewhere. */
export function diagEmbed(x: Tensor, offset = 0): Tensor {
  const { rank } = x
  const size = (x.shape[normalizeAxis('diagEmbed', -1, rank)] ?? 0) + Math.abs(offset)
  return put(x, [...x.shape.slice(0, -1), size, size], [offset, rank - 1, rank])
}

/** The diagonal of a matrix, or the matrix of a diagonal. */
export function diag(x: Tensor, offset = 0): Tensor {
  if (x.rank !== 1 && x.rank !== 2)
    throw new ShapeError(`diag: ${showShape(x.shape)}: it takes a vector or a matrix`)
  return x.rank === 1 ? diagEmbed(x, offset) : diagonal(x, offset)
}

/** The sum of a matrix's diagonal. */
export function trace(x: Tensor): Tensor {
  return sum(diagonal(x), -1)
}
