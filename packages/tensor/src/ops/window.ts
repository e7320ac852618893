/** Strided parts of tensors, and the way back: what slices, pads and their gradients are made of. */
import { record } from '../autograd.ts'
import type { Shape } from '../layout.ts'
import { Tensor } from '../tensor.ts'
import { copyInto, fillInto } from './fill.ts'

/** Where a slice starts, how many elements it takes and how far apart they are, on each axis. */
export interface Window {
  readonly start: readonly number[]
  readonly count: Shape
  readonly step: readonly number[]
}

/** A rectangular, strided part of `x`, as a view; the transpose of {@link embed}. */
export function slab(x: Tensor, window: Window): Tensor {
  const { start, count, step } = window
  const offset = start.reduce((at, index, axis) => at + index * x.strides[axis]!, x.offset)
  const strides = x.strides.map((stride, axis) => stride * step[axis]!)
  const from = x.shape
  return record(
    'slice',
    x.window(count, strides, count.includes(0) ? x.offset : offset),
    [x],
    [],
    (g) => [embed(g, from, window)],
  )
}

/** A tensor of `shape` filled with `value`, and `x` in the place of the window; the transpose of {@link slab}. */
export function embed(x: Tensor, shape: Shape, window: Window, value = 0): Tensor {
  const out = Tensor.make(x.device, x.dtype, shape)
  fillInto(x.device, out, value)
  const { start, step } = window
  if (x.size > 0)
    copyInto(x.device, x, {
      buffer: out.buffer,
      dtype: out.dtype,
      shape: x.shape,
      strides: out.strides.map((stride, axis) => stride * step[axis]!),
      offset: start.reduce((at, index, axis) => at + index * out.strides[axis]!, 0),
    })
  return record('embed', out, [x], [], (g) => [slab(g, window)])
}
