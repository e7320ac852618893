import {
  ArgumentError,
  type DType,
  type Shape,
  ShapeError,
  type Tensor,
  type TypedArray,
  tensor,
} from '@nablajs/tensor'
import { checkIndex, type Dataset, type HostArray } from './dataset.ts'

/** One value of every sample, for all samples in a row. */
export interface Column {
  /** Of one sample; `[]` for a single number. */
  readonly shape: Shape
  /** Of the tensors that come out, whatever `data` is. */
  readonly dtype: DType
  /** The values of all samples, row-major. Bytes may stay bytes: they become `dtype` batch by batch. */
  readonly data: ArrayLike<number>
  /** Values are divided by this number, for example 255 for pixels in 0 .. 1. Default 1. */
  readonly divisor?: number
}

// Halves are numbers on the host, which the device rounds.
const arrays = {
  f16: Float32Array,
  bf16: Float32Array,
  f32: Float32Array,
  f64: Float64Array,
  i32: Int32Array,
  u32: Uint32Array,
  bool: Uint32Array,
} satisfies Record<DType, new (length: number) => TypedArray>

const sizeOf = (shape: Shape): number => shape.reduce((size, extent) => size * extent, 1)

/**
 * Samples held in arrays, one {@link Column} for each of their values.
 *
 * @example
 * ```ts
 * const points = new ArrayDataset({
 *   x: { shape: [2], dtype: 'f32', data: new Float32Array([0, 0, 0, 1, 1, 0, 1, 1]) },
 *   label: { shape: [], dtype: 'i32', data: [0, 1, 1, 0] },
 * })
 * points.length   // 4
 * ```
 */
export class ArrayDataset<Name extends string>
  implements Dataset<Record<Name, HostArray>, Record<Name, Tensor>>
{
  readonly columns: Readonly<Record<Name, Column>>
  readonly length: number

  /** @throws ShapeError when the columns do not hold the same whole number of samples. */
  constructor(columns: Readonly<Record<Name, Column>>) {
    const names = Object.keys(columns) as Name[]
    if (names.length === 0) throw new ArgumentError('ArrayDataset: there are no columns')
    const counts = names.map((name) => countSamples(name, columns[name]))
    const odd = counts.findIndex((count) => count !== counts[0])
    if (odd !== -1)
      throw new ShapeError(
        `ArrayDataset: ${names[0]} has ${counts[0]} samples, but ${names[odd]} has ${counts[odd]}`,
      )
    this.columns = columns
    this.length = counts[0]!
  }

  get(index: number): Record<Name, HostArray> {
    checkIndex('ArrayDataset', index, this.length)
    return this.#each((column) => ({
      dtype: column.dtype,
      shape: column.shape,
      data: rows(column, [index]),
    }))
  }

  batch(indices: ArrayLike<number>): Record<Name, Tensor> {
    for (let i = 0; i < indices.length; i++) checkIndex('ArrayDataset', indices[i]!, this.length)
    return this.#each((column) =>
      tensor(rows(column, indices), {
        dtype: column.dtype,
        shape: [indices.length, ...column.shape],
      }),
    )
  }

  #each<T>(make: (column: Column) => T): Record<Name, T> {
    const entries = Object.entries<Column>(this.columns)
    return Object.fromEntries(entries.map(([name, column]) => [name, make(column)])) as Record<
      Name,
      T
    >
  }
}

function countSamples(name: string, { shape, data, divisor = 1 }: Column): number {
  const size = sizeOf(shape)
  if (!shape.every((extent) => Number.isInteger(extent) && extent > 0))
    throw new ShapeError(
      `ArrayDataset: ${name} has the shape [${shape.join(', ')}]; sizes are whole numbers > 0`,
    )
  if (data.length % size !== 0)
    throw new ShapeError(
      `ArrayDataset: ${name} has ${data.length} values, which are no whole number of samples ` +
        `[${shape.join(', ')}] of ${size}`,
    )
  if (!(Number.isFinite(divisor) && divisor !== 0))
    throw new ArgumentError(`ArrayDataset: ${name} has the divisor ${divisor}; it must not be 0`)
  return data.length / size
}

/** The values of some samples, copied together. */
function rows({ shape, dtype, data, divisor = 1 }: Column, indices: ArrayLike<number>): TypedArray {
  const size = sizeOf(shape)
  const values = new arrays[dtype](indices.length * size)
  for (let i = 0, at = 0; i < indices.length; i++) {
    const start = indices[i]! * size
    if (divisor === 1) for (let j = 0; j < size; j++) values[at++] = data[start + j]!
    else for (let j = 0; j < size; j++) values[at++] = data[start + j]! / divisor
  }
  return values
}
