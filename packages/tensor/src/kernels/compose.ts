/** What the composed fallbacks share: temporary views, padding and the product to be summed. */
import type { Backend, ConvGeometry, View } from '../backend.ts'
import { bytesOf, type DType } from '../dtype.ts'
import { contiguousStrides, type Shape, sizeOf } from '../layout.ts'
import { copyInto, fillInto } from '../ops/fill.ts'
import { type Program, program } from '../program/program.ts'

/** Runs `body` with a fresh dense view, freed afterwards. */
export function withTemporary(
  device: Backend,
  dtype: DType,
  shape: Shape,
  body: (view: View) => void,
): void {
  const buffer = device.alloc(sizeOf(shape) * bytesOf(dtype))
  try {
    body({ buffer, dtype, shape, strides: contiguousStrides(shape), offset: 0 })
  } finally {
    device.free(buffer)
  }
}

/** The same memory read with other extents and strides; `at` moves the first element. */
export function restride(view: View, shape: Shape, strides: readonly number[], at = 0): View {
  return { buffer: view.buffer, dtype: view.dtype, shape, strides, offset: view.offset + at }
}

/** How an axis of an image is laid out in a larger one: element i goes to `before + i * step`. */
export interface Placement {
  readonly before: number
  readonly step: number
  readonly size: number
}

/** Where the windows of a convolution or pooling lie. */
type Windows = Pick<ConvGeometry, 'stride' | 'padding' | 'dilation'>

/** The input padded to just what the windows of `count` outputs reach. */
export function padded(
  { stride, padding, dilation }: Windows,
  axis: 0 | 1,
  count: number,
  taps: number,
): Placement {
  const size = (count - 1) * stride[axis] + (taps - 1) * dilation[axis] + 1
  return { before: padding[axis], step: 1, size: Math.max(size, padding[axis]) }
}

/** The output's gradient spread out so that each of `input` pixels finds its taps by walking backwards. */
export function spread(
  { stride, padding, dilation }: Windows,
  axis: 0 | 1,
  input: number,
  count: number,
  taps: number,
): Placement {
  const before = (taps - 1) * dilation[axis]
  const reach = Math.max(input + padding[axis], (count - 1) * stride[axis] + 1)
  return { before, step: stride[axis], size: before + reach }
}

/**
 * Runs `body` with the image `[N, H, W, C]` placed in a larger one filled with `value`: padding when
 * the steps are 1, zeros between the pixels when they are larger. Pixels beyond `size` are cut off.
 */
export function withPlaced(
  device: Backend,
  image: View,
  rows: Placement,
  columns: Placement,
  value: number,
  body: (placed: View) => void,
): void {
  const [n, h, w, c] = image.shape as [number, number, number, number]
  withTemporary(device, image.dtype, [n, rows.size, columns.size, c], (placed) => {
    fillInto(device, placed, value)
    const fit = ({ before, step, size }: Placement, count: number): number =>
      Math.max(0, Math.min(count, Math.floor((size - 1 - before) / step) + 1))
    const shape = [n, fit(rows, h), fit(columns, w), c]
    const [sn, sh, sw, sc] = placed.strides as [number, number, number, number]
    const at = rows.before * sh + columns.before * sw
    const strides = [sn, sh * rows.step, sw * columns.step, sc]
    if (sizeOf(shape) > 0)
      copyInto(device, restride(image, shape, image.strides), restride(placed, shape, strides, at))
    body(placed)
  })
}

/** `x y` of one dtype. */
export function product(dtype: DType): Program {
  return program({ name: 'product', inputs: [dtype, dtype] }, (x, y) => x!.mul(y!))
}

/** `sum x y` over the axes where `out` has size 1. */
export function sumProducts(device: Backend, x: View, y: View, out: View): void {
  device.reduce({ program: product(out.dtype), combine: 'sum' }, [x, y], out)
}
