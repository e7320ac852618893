import { collapse, isFloat, type Kernels, sizeOf, type View } from '@nablajs/tensor/backend'
import type { RangeKernel } from './load.ts'
import { type Context, deal } from './runtime.ts'

/** What moving an element by an index costs, in multiply-adds. */
const moving = 8

/**
 * Runs `kernel` for every element of `index`: `line` is what an index chooses from along `axis`,
 * `value` what sits at the index's own place. See `assembly/gather.ts`. Threads split an axis along
 * which each has lines of its own where the kernel adds to them.
 */
function pick(
  context: Context,
  index: View,
  line: View,
  value: View,
  axis: number,
  kernel: RangeKernel,
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
  const lines = loops.strides[1]!
  const wanted = context.pool ? 4 * context.pool.threads : 1
  const split = splitOf(loops.shape, wanted, (a) => kernel === 'gather' || lines[a] !== 0)
  deal(context, kernel, {
    fields: [
      context.pointer(index),
      context.pointer(line),
      context.pointer(value),
      line.strides[axis]! * 4,
      Math.max(split, 0),
      isFloat(line.dtype) ? 1 : 0,
      rank,
      ...(records.length > 0 ? records : [1, 0, 0, 0, 0]),
    ],
    end: loops.shape[Math.max(split, 0)] ?? 1,
    // Whole cache lines of a dense row.
    granule: split === rank - 1 ? 16 : 1,
    // Equal indices must add in order.
    whole: split < 0,
    work: moving * sizeOf(index.shape),
  })
}

/** The outermost loop that has enough steps for all threads, else the longest; -1 when none may be split. */
function splitOf(
  extents: readonly number[],
  wanted: number,
  allowed: (loop: number) => boolean,
): number {
  let best = -1
  for (let loop = 0; loop < extents.length; loop++) {
    if (!allowed(loop)) continue
    if (extents[loop]! >= wanted) return loop
    if (best < 0 || extents[loop]! > extents[best]!) best = loop
  }
  return best
}

/** {@link Kernels.gather} for elements of 32 bits. */
export function gatherKernel(context: Context): Kernels['gather'] {
  return (x, index, out, axis) => pick(context, index, x, out, axis, 'gather')
}

/** {@link Kernels.scatterAdd} for elements of 32 bits; integers wrap. */
export function scatterAddKernel(context: Context): Kernels['scatterAdd'] {
  return (out, index, src, axis) => pick(context, index, out, src, axis, 'scatterAdd')
}
