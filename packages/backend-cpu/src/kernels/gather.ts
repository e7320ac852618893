import { collapse, isFloat, type Kernels, sizeOf, type View } from '@nablajs/tensor/backend'
import { type Context, withRecord } from './runtime.ts'

/**
 * Runs `kernel` for every element of `index`: `line` is what an index chooses from along `axis`,
 * `value` what sits at the index's own place. See `assembly/gather.ts`.
 */
function pick(
  context: Context,
  index: View,
  line: View,
  value: View,
  axis: number,
  kernel: (job: number) => void,
): void {
  if (sizeOf(index.shape) === 0) return
  const lineStrides = line.strides.map((stride, a) => (a === axis ? 0 : stride))
  const loops = collapse(index.shape, [index.strides, lineStrides, value.strides])
  const records = loops.shape.flatMap((extent, a) => [
    ...[extent, 0],
    ...loops.strides.map((strides) => strides[a]! * 4),
  ])
  // A single element is one axis of extent 1.
  const rank = Math.max(loops.shape.length, 1)
  withRecord(context, records.length > 0 ? records : [1, 0, 0, 0, 0], (axes) =>
    withRecord(
      context,
      [
        context.pointer(index),
        context.pointer(line),
        context.pointer(value),
        line.strides[axis]! * 4,
        ...[rank, axes],
      ],
      kernel,
    ),
  )
}

/** {@link Kernels.gather} for elements of 32 bits. */
export function gatherKernel(context: Context): Kernels['gather'] {
  return (x, index, out, axis) => pick(context, index, x, out, axis, context.wasm.gather)
}

/** {@link Kernels.scatterAdd} for elements of 32 bits; integers wrap. */
export function scatterAddKernel(context: Context): Kernels['scatterAdd'] {
  return (out, index, src, axis) =>
    pick(context, index, out, src, axis, (job) =>
      context.wasm.scatterAdd(job, isFloat(out.dtype) ? 1 : 0),
    )
}
