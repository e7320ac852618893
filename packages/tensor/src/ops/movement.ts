/**
 * Layout without arithmetic: most of these return a view on the same memory. Each op's gradient is
 * the op that moves things back, so all of them can be differentiated any number of times.
 */
import { record } from '../autograd.ts'
import { ArgumentError, ShapeError, showShape } from '../errors.ts'
import {
  broadcastStrides,
  inferShape,
  normalizeAxis,
  reshapeStrides,
  type Shape,
  sameShape,
} from '../layout.ts'
import { Tensor } from '../tensor.ts'
import { copyInto } from './fill.ts'
import { sumTo } from './sum.ts'
import { slab } from './window.ts'

/** A dense copy on memory of its own. */
export function copy(x: Tensor): Tensor {
  const out = Tensor.make(x.device, x.dtype, x.shape)
  copyInto(x.device, x, out)
  return record('copy', out, [x], [], (g) => [g])
}

/** The tensor itself when its elements lie dense and in order, otherwise a dense copy. */
export function contiguous(x: Tensor): Tensor {
  return x.isContiguous ? x : copy(x)
}

/**
 * The same elements in row-major order under another shape; one size may be -1. A view where the
 * layout allows it, else a copy.
 *
 * @throws ShapeError when the numbers of elements differ.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const to = inferShape('reshape', x.shape, shape)
  if (sameShape(to, x.shape)) return x
  const strides = reshapeStrides(x.shape, x.strides, to)
  if (!strides) return reshape(copy(x), to)
  const from = x.shape
  return record('reshape', x.window(to, strides, x.offset), [x], [], (g) => [reshape(g, from)])
}

/** One axis instead of the axes `start` .. `end` (both included; negative ones count from the end). */
export function flatten(x: Tensor, start = 0, end = -1): Tensor {
  if (x.rank === 0) return reshape(x, [1])
  const first = normalizeAxis('flatten', start, x.rank)
  const last = normalizeAxis('flatten', end, x.rank)
  if (first > last)
    throw new ShapeError(`flatten: axis ${start} comes after axis ${end} in ${showShape(x.shape)}`)
  const inner = x.shape.slice(first, last + 1).reduce((n, extent) => n * extent, 1)
  return reshape(x, [...x.shape.slice(0, first), inner, ...x.shape.slice(last + 1)])
}

/** Reorders the axes: axis `i` of the result is axis `axes[i]` of `x`. A view. */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  const order = axes.map((axis) => normalizeAxis('permute', axis, x.rank))
  if (order.length !== x.rank || new Set(order).size !== x.rank)
    throw new ShapeError(
      `permute: [${axes.join(', ')}] must name each of the ${x.rank} axes of ${showShape(x.shape)} once`,
    )
  const back = order.map((_, axis) => order.indexOf(axis))
  const view = x.window(
    order.map((axis) => x.shape[axis]!),
    order.map((axis) => x.strides[axis]!),
    x.offset,
  )
  return record('permute', view, [x], [], (g) => [permute(g, back)])
}

/** Swaps two axes, by default the last two. A view. */
export function transpose(x: Tensor, a = -2, b = -1): Tensor {
  const [i, j] = [normalizeAxis('transpose', a, x.rank), normalizeAxis('transpose', b, x.rank)]
  const axes = x.shape.map((_, axis) => (axis === i ? j : axis === j ? i : axis))
  return permute(x, axes)
}

/** Repeats axes of size 1 (and adds leading axes) to reach `shape`, by NumPy's broadcasting rule. A view. */
export function expand(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x
  const lead = shape.length - x.rank
  if (lead < 0 || x.shape.some((extent, axis) => extent !== 1 && extent !== shape[axis + lead]))
    throw new ShapeError(`expand: ${showShape(x.shape)} does not broadcast to ${showShape(shape)}`)
  const from = x.shape
  const view = x.window(shape, broadcastStrides(x.shape, x.strides, shape), x.offset)
  return record('expand', view, [x], [], (g) => [sumTo(g, from)])
}

/** Drops axes of size 1: the one named, or all of them. */
export function squeeze(x: Tensor, axis?: number): Tensor {
  if (axis === undefined)
    return reshape(
      x,
      x.shape.filter((extent) => extent !== 1),
    )
  const own = normalizeAxis('squeeze', axis, x.rank)
  if (x.shape[own] !== 1)
    throw new ShapeError(
      `squeeze: axis ${axis} of ${showShape(x.shape)} has size ${x.shape[own]}, not 1`,
    )
  return reshape(
    x,
    x.shape.filter((_, i) => i !== own),
  )
}

/** A new axis of size 1 before `axis` (-1: at the end). */
export function unsqueeze(x: Tensor, axis: number): Tensor {
  const own = normalizeAxis('unsqueeze', axis, x.rank + 1)
  return reshape(x, [...x.shape.slice(0, own), 1, ...x.shape.slice(own)])
}

/** A range on one axis, as `array.slice(start, end)` with a step; negative bounds count from the end. */
export interface SliceRange {
  start?: number
  end?: number
  /** Negative steps walk backwards, from the last element by default. Not 0. */
  step?: number
}

function resolveRange(
  range: SliceRange,
  extent: number,
): { start: number; count: number; step: number } {
  const { step = 1 } = range
  if (!Number.isInteger(step) || step === 0)
    throw new ArgumentError(`slice: step is ${step}; it must be a whole number other than 0`)
  const [low, high] = step > 0 ? [0, extent] : [-1, extent - 1]
  const bound = (value: number | undefined, fallback: number): number =>
    value === undefined
      ? fallback
      : Math.min(high, Math.max(low, value < 0 ? value + extent : value))
  const start = bound(range.start, step > 0 ? low : high)
  const end = bound(range.end, step > 0 ? high : low)
  return { start, count: Math.max(0, Math.ceil((end - start) / step)), step }
}

/**
 * A part of a tensor, as a view: one entry for each leading axis. A number takes that index and
 * drops the axis, a range takes a part, `null` takes all.
 *
 * @example
 * ```ts
 * slice(x, 0)                             // the first row
 * slice(x, null, { start: -2 })           // the last two columns
 * slice(x, { step: -1 })                  // rows in reverse
 * ```
 */
export function slice(x: Tensor, ...ranges: readonly (number | SliceRange | null)[]): Tensor {
  if (ranges.length > x.rank)
    throw new ShapeError(`slice: ${ranges.length} ranges for ${showShape(x.shape)}`)
  const start: number[] = []
  const count: number[] = []
  const step: number[] = []
  const dropped = new Set<number>()
  x.shape.forEach((extent, axis) => {
    const range = ranges[axis] ?? {}
    if (typeof range === 'number') {
      const at = range < 0 ? range + extent : range
      if (!Number.isInteger(at) || at < 0 || at >= extent)
        throw new ShapeError(
          `slice: index ${range} is outside of axis ${axis} of ${showShape(x.shape)}`,
        )
      start.push(at)
      count.push(1)
      step.push(1)
      dropped.add(axis)
    } else {
      const resolved = resolveRange(range, extent)
      start.push(resolved.start)
      count.push(resolved.count)
      step.push(resolved.step)
    }
  })
  const part = slab(x, { start, count, step })
  if (dropped.size === 0) return part
  return reshape(
    part,
    count.filter((_, axis) => !dropped.has(axis)),
  )
}

/** Reverses the order of elements on axes. A view. */
export function flip(x: Tensor, axes: number | readonly number[]): Tensor {
  const list = (typeof axes === 'number' ? [axes] : axes).map((a) =>
    normalizeAxis('flip', a, x.rank),
  )
  return slice(x, ...x.shape.map((_, axis) => (list.includes(axis) ? { step: -1 } : null)))
}
