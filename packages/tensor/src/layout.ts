/**
 * Shapes, strides and the arithmetic between them. Pure functions on arrays of numbers; no tensors
 * and no memory.
 */
import type { DType } from './dtype.ts'
import { ShapeError, showShape } from './errors.ts'

/** The extent of each axis, outermost first; `[]` is a single number. */
export type Shape = readonly number[]

/** The number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  let size = 1
  for (const extent of shape) size *= extent
  return size
}

/** The row-major strides of a dense array. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length)
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride
    stride *= shape[axis]!
  }
  return strides
}

/** Whether the elements lie dense and in row-major order (strides of extent-1 axes do not matter). */
export function isContiguous(shape: Shape, strides: readonly number[]): boolean {
  let expected = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const extent = shape[axis]!
    if (extent !== 1) {
      // What has no elements lies dense however its strides are.
      if (strides[axis] !== expected) return shape.includes(0)
      expected *= extent
    }
  }
  return true
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis])
}

/** The common shape of arrays by NumPy's rule: aligned at the right, an extent of 1 repeats. */
export function broadcastShapes(op: string, ...shapes: Shape[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length))
  const result = new Array<number>(rank).fill(1)
  for (const shape of shapes) {
    const lead = rank - shape.length
    for (let axis = 0; axis < shape.length; axis++) {
      const extent = shape[axis]!
      const current = result[lead + axis]!
      if (current === 1) result[lead + axis] = extent
      else if (extent !== 1 && extent !== current)
        throw new ShapeError(
          `${op}: ${shapes.map(showShape).join(' and ')} do not broadcast: ` +
            `sizes ${current} and ${extent} differ on axis ${lead + axis - rank}`,
        )
    }
  }
  return result
}

/** The strides that show an array of `shape` as `target`: 0 on the axes that repeat. */
export function broadcastStrides(
  shape: Shape,
  strides: readonly number[],
  target: Shape,
): number[] {
  const lead = target.length - shape.length
  return target.map((extent, axis) => {
    const own = axis - lead
    return own < 0 || (shape[own] === 1 && extent !== 1) ? 0 : strides[own]!
  })
}

/** Maps an axis that may count from the end to 0 .. rank-1. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  const result = axis < 0 ? axis + rank : axis
  if (!Number.isInteger(axis) || result < 0 || result >= rank)
    throw new ShapeError(
      `${op}: axis ${axis} is not an axis of a tensor with ${rank} axes; it must be in ${-rank} .. ${rank - 1}`,
    )
  return result
}

/** The axes asked for, sorted and from the front; all of them when none are named. */
export function normalizeAxes(
  op: string,
  axes: number | readonly number[] | undefined,
  rank: number,
): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis)
  const list = typeof axes === 'number' ? [axes] : axes
  const result = list.map((axis) => normalizeAxis(op, axis, rank)).sort((a, b) => a - b)
  for (let i = 1; i < result.length; i++)
    if (result[i] === result[i - 1]) throw new ShapeError(`${op}: axis ${result[i]} is named twice`)
  return result
}

/** `shape` with size 1 on the given axes. */
export function reducedShape(shape: Shape, axes: readonly number[]): number[] {
  return shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent))
}

/** Resolves one -1 in a requested shape and checks the number of elements. */
export function inferShape(op: string, from: Shape, to: Shape): number[] {
  const size = sizeOf(from)
  const unknown = to.indexOf(-1)
  if (to.some((extent, axis) => !Number.isInteger(extent) || extent < (axis === unknown ? -1 : 0)))
    throw new ShapeError(
      `${op}: ${showShape(to)} is not a shape; sizes are whole numbers, and one may be -1`,
    )
  const known = to.reduce((n, extent, axis) => (axis === unknown ? n : n * extent), 1)
  const result = to.map((extent, axis) => (axis === unknown ? (known ? size / known : 0) : extent))
  if (sizeOf(result) !== size || result.some((extent) => !Number.isInteger(extent)))
    throw new ShapeError(
      `${op}: ${showShape(from)} has ${size} elements and does not fit ${showShape(to)}`,
    )
  return result
}

/**
 * The strides under which the same elements, unmoved, read as `to`; undefined when only a copy can.
 */
export function reshapeStrides(
  from: Shape,
  strides: readonly number[],
  to: Shape,
): number[] | undefined {
  if (sizeOf(from) === 0 || isContiguous(from, strides)) return contiguousStrides(to)
  const result = new Array<number>(to.length).fill(1)
  const axes = from.map((_, axis) => axis).filter((axis) => from[axis] !== 1)
  let i = 0
  let j = 0
  while (i < axes.length || j < to.length) {
    // Grow one group of axes on each side until both hold the same number of elements.
    const i0 = i
    const j0 = j
    let left = i < axes.length ? from[axes[i++]!]! : 1
    let right = j < to.length ? to[j++]! : 1
    while (left !== right) {
      if (left < right) left *= from[axes[i++]!]!
      else right *= to[j++]!
    }
    for (let k = i0; k + 1 < i; k++) {
      const [outer, inner] = [axes[k]!, axes[k + 1]!]
      if (strides[outer] !== strides[inner]! * from[inner]!) return undefined
    }
    let stride = i > i0 ? strides[axes[i - 1]!]! : 1
    for (let k = j - 1; k >= j0; k--) {
      result[k] = stride
      stride *= to[k]!
    }
  }
  return result
}

/** A set of loops over several operands: one extent and one stride per operand for each axis. */
export interface Loops {
  readonly shape: number[]
  /** `strides[operand][axis]` */
  readonly strides: number[][]
}

/**
 * The fewest loops that visit the same elements in the same row-major order: axes of extent 1 go,
 * and neighbours that every operand walks as one are merged. Not for programs that use `index`.
 * With `split`, an axis is merged only with neighbours of the same kind (reduced or kept).
 */
export function collapse(
  shape: Shape,
  strides: readonly (readonly number[])[],
  split?: readonly boolean[],
): Loops & { readonly split: boolean[] } {
  const outShape: number[] = []
  const outStrides: number[][] = strides.map(() => [])
  const outSplit: boolean[] = []
  for (let axis = 0; axis < shape.length; axis++) {
    const extent = shape[axis]!
    if (extent === 1) continue
    const last = outShape.length - 1
    const kind = split?.[axis] ?? false
    const merges =
      last >= 0 &&
      outSplit[last] === kind &&
      outStrides.every((own, k) => own[last] === strides[k]![axis]! * extent)
    if (merges) {
      outShape[last]! *= extent
      for (let k = 0; k < strides.length; k++) outStrides[k]![last] = strides[k]![axis]!
    } else {
      outShape.push(extent)
      outSplit.push(kind)
      for (let k = 0; k < strides.length; k++) outStrides[k]!.push(strides[k]![axis]!)
    }
  }
  return { shape: outShape, strides: outStrides, split: outSplit }
}

/** Output length of a sliding window on one axis: `floor((size + pads - dilation (kernel - 1) - 1) / stride) + 1`. */
export function windowCount(
  size: number,
  kernel: number,
  stride: number,
  pads: number,
  dilation: number,
): number {
  return Math.floor((size + pads - dilation * (kernel - 1) - 1) / stride) + 1
}

export interface Layout {
  readonly dtype: DType
  readonly shape: Shape
  readonly strides: readonly number[]
  readonly offset: number
}
