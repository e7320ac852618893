import { collapse, type HalfDType, sizeOf } from '@nablajs/tensor/backend'
import { type Context, deal } from './runtime.ts'

/** What converting an element costs, in multiply-adds. */
const converting = 2

/** Halves in memory, and the f32 that they stand for, which lie dense in the order of `shape`. */
export interface Conversion {
  readonly dtype: HalfDType
  /** The address of the first half. */
  readonly half: number
  readonly shape: readonly number[]
  /** Of the halves, in elements; 0 repeats one when they are read. */
  readonly strides: readonly number[]
  /** The address of the first f32. */
  readonly float: number
}

/** Writes the f32, or rounds them to the halves; see `assembly/convert.ts`. */
export function convert(context: Context, to: 'float' | 'half', conversion: Conversion): void {
  const { dtype, half, shape, strides, float } = conversion
  const size = sizeOf(shape)
  if (size === 0) return
  const loops = collapse(shape, [strides])
  const records = loops.shape.flatMap((extent, axis) => [extent, 2 * loops.strides[0]![axis]!])
  deal(context, 'convert', {
    fields: [
      half,
      float,
      Number(dtype === 'bf16'),
      Number(to === 'half'),
      // A single element is one axis of extent 1.
      Math.max(loops.shape.length, 1),
      ...(records.length > 0 ? records : [1, 0]),
    ],
    end: size,
    granule: 16,
    work: converting * size,
  })
}
