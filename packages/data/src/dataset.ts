import { ArgumentError, type DType, type Shape, type TypedArray } from '@nablajs/tensor'
import type { Collated } from './collate.ts'

/** Values in host memory with a shape: what datasets hold and the loader uploads, one batch at a time. */
export interface HostArray {
  readonly dtype: DType
  readonly shape: Shape
  /** Row-major; for `bool` the numbers 0 and 1. */
  readonly data: TypedArray
}

/**
 * A number of samples that can be had in any order.
 *
 * `get` is all that a dataset needs: an object, array or single value made of {@link HostArray},
 * tensors, numbers, booleans and strings, which the loader stacks into a batch. A dataset that can
 * make a whole batch at once faster brings `batch`. `get` may return a promise, for samples that are
 * read from somewhere.
 *
 * @example
 * ```ts
 * const parity: Dataset<{ x: number; odd: boolean }> = {
 *   length: 100,
 *   get: (i) => ({ x: i, odd: i % 2 === 1 }),
 * }
 * for (const { x, odd } of new DataLoader(parity, { batchSize: 10 })) {
 *   // x is f32 [10], odd is bool [10]
 * }
 * ```
 */
export interface Dataset<Sample, Batch = Collated<Sample>> {
  /** The number of samples. */
  readonly length: number
  /** The sample of a number in 0 .. length - 1. */
  get(index: number): Sample | Promise<Sample>
  /** The samples of these numbers as one batch, in this order. */
  batch?(indices: ArrayLike<number>): Batch
}

/** @internal Refuses a sample number that is not there. */
export function checkIndex(name: string, index: number, length: number): number {
  if (!Number.isInteger(index) || index < 0 || index >= length)
    throw new ArgumentError(`${name}: there is no sample ${index}; there are 0 .. ${length - 1}`)
  return index
}
