/** What the composed fallbacks share: temporary views, padding and the product to be summed. */
import type { Backend, View } from '../backend.ts'
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
