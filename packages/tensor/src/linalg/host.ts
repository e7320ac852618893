/**
 * How this folder computes: the matrices are read, worked on one by one in float64, and the results
 * written back. Factorizations are sequences of small dependent steps, which kernels of whole tensors
 * could only make slower. Gradients are rules in tensor ops and run on the device, but for the
 * factorizations in them.
 */
import { getDefaultDType, isFloat } from '../dtype.ts'
import { DeviceError, NablaError, ShapeError, showShape } from '../errors.ts'
import { type Shape, sizeOf } from '../layout.ts'
import { cast } from '../ops/cast.ts'
import { tensor } from '../ops/create.ts'
import type { Tensor } from '../tensor.ts'

/** A matrix for which the result does not exist: singular, not positive definite, not finite. */
export class LinAlgError extends NablaError {
  override name = 'LinAlgError'
}

/** A matrix or a stack of them, as floats. */
export function matrices(op: string, a: Tensor): Tensor {
  if (a.rank < 2)
    throw new ShapeError(`${op}: ${showShape(a.shape)} is no matrix; it takes [..., rows, columns]`)
  return isFloat(a.dtype) ? a : cast(a, getDefaultDType())
}

/** As {@link matrices}, with as many rows as columns. */
export function squares(op: string, a: Tensor): Tensor {
  const [rows, columns] = a.shape.slice(-2)
  if (a.rank >= 2 && rows !== columns)
    throw new ShapeError(`${op}: ${showShape(a.shape)}: the matrix must be square`)
  return matrices(op, a)
}

/** The values in float64, in an array of the caller's own. */
export function readNow(op: string, t: Tensor): Float64Array {
  if (!t.device.readSync)
    throw new DeviceError(
      `${op}: the ${t.device.name} device cannot be read at once, and ${op} is computed on the host; ` +
        'move its input to another device first: await x.to(device)',
    )
  const values = t.dataSync()
  return values instanceof Float64Array ? values : new Float64Array(values)
}

/** The error for one matrix of a stack, which it names. */
export type Fail = (problem: string) => LinAlgError

/** Computes `outputs`, which start as zeros, from `inputs`, which it may overwrite. */
export type Body = (
  inputs: readonly Float64Array[],
  outputs: readonly Float64Array[],
  fail: Fail,
) => void

const partsOf = (values: Float64Array, count: number): Float64Array[] => {
  const size = values.length / count
  return Array.from({ length: count }, (_, i) => values.subarray(i * size, (i + 1) * size))
}

/** `[2, 3, 3]`, and which matrix of the stack. */
function nameOf({ shape }: Tensor, flat: number): string {
  const batch = shape.slice(0, -2)
  if (batch.length === 0) return `the matrix ${showShape(shape)}`
  const index: number[] = []
  for (const extent of batch.toReversed()) {
    index.unshift(flat % extent)
    flat = Math.floor(flat / extent)
  }
  return `matrix ${showShape(index)} of ${showShape(shape)}`
}

/**
 * Runs `body` for every matrix of a stack. The inputs are dense stacks of matrices with equal leading
 * axes and one dtype; the results have the same leading axes, then the shape in `results`. Unrecorded.
 *
 * @throws LinAlgError when the first input, the matrix to factor, holds NaN or infinities: no pivot
 *   and no rotation could be chosen.
 */
export function onHost(
  op: string,
  inputs: readonly [Tensor, ...Tensor[]],
  results: readonly Shape[],
  body: Body,
): Tensor[] {
  const [first] = inputs
  const { device, dtype } = first
  const batch = first.shape.slice(0, -2)
  const count = sizeOf(batch)
  const outputs = results.map((shape) => new Float64Array(count * sizeOf(shape)))
  if (count > 0) {
    const from = inputs.map((t) => partsOf(readNow(op, t), count))
    const to = outputs.map((values) => partsOf(values, count))
    for (let i = 0; i < count; i++) {
      const fail: Fail = (problem) => new LinAlgError(`${op}: ${nameOf(first, i)} ${problem}`)
      if (!from[0]![i]!.every(Number.isFinite)) throw fail('holds NaN or Infinity')
      body(
        from.map((parts) => parts[i]!),
        to.map((parts) => parts[i]!),
        fail,
      )
    }
  }
  return outputs.map((values, k) =>
    tensor(values, { shape: [...batch, ...results[k]!], dtype, device }),
  )
}
