/** Picking and adding by index along one axis. */
import { isFloat, type Kernels, sizeOf } from '@nablajs/tensor/backend'
import type { Device } from '../device.ts'
import {
  blockThreads,
  countable,
  lineParameters,
  lineStarts,
  linesOf,
  putLines,
  putViews,
  quotientFunction,
} from './lines.ts'

/** Elements are moved as words, whatever they are. A thread for each. */
const gatherSource = (entry: string, loops: number): string => `${quotientFunction}
extern "C" __global__ void ${entry}(const unsigned int *x, const int *index, unsigned int *out, unsigned int count, long long x_step, ${lineParameters(loops, 3).join(', ')}) {
  const unsigned int number = blockIdx.x * ${blockThreads}u + threadIdx.x;
  if (number >= count) return;
  ${lineStarts('number', loops, 3).join('\n  ')}
  out[line2] = x[line0 + index[line1] * x_step];
}
`

/** A thread for each line adds one source after the other, so that the result is always the same. */
const scatterSource = (entry: string, loops: number, type: string): string => `${quotientFunction}
extern "C" __global__ void ${entry}(${type} *out, const int *index, const ${type} *src, unsigned int count, unsigned int length, long long out_step, long long index_step, long long src_step, ${lineParameters(loops, 3).join(', ')}) {
  const unsigned int number = blockIdx.x * ${blockThreads}u + threadIdx.x;
  if (number >= count) return;
  ${lineStarts('number', loops, 3).join('\n  ')}
  for (unsigned int j = 0; j < length; j++) {
    const long long at = line0 + index[line1 + j * index_step] * out_step;
    out[at] = out[at] + src[line2 + j * src_step];
  }
}
`

/** {@link Kernels.gather} for elements of 32 bits. */
export function gatherKernel(device: Device): Kernels['gather'] {
  return (x, index, out, axis) => {
    const count = sizeOf(out.shape)
    countable('gather', count)
    if (count === 0) return
    // Every element is a line of its own: none of the axes is walked along.
    const lines = linesOf(out.shape, -1, [x.strides.with(axis, 0), index.strides, out.strides])
    const loops = lines.extents.length
    const entry = `gather_${loops}`
    const kernel = device.cached(entry, 'gather', () => gatherSource(entry, loops))
    const { context } = device
    context.begin()
    putViews(device, [x, index, out], 'gather')
    context.int(count)
    context.long(x.strides[axis]!)
    putLines(device, lines)
    context.launch(kernel, Math.ceil(count / blockThreads), 1, 1, blockThreads)
  }
}

/** {@link Kernels.scatterAdd} for elements of 32 bits; integers wrap. */
export function scatterAddKernel(device: Device): Kernels['scatterAdd'] {
  return (out, index, src, axis) => {
    if (sizeOf(src.shape) === 0) return
    const lines = linesOf(index.shape, axis, [out.strides, index.strides, src.strides])
    countable('scatterAdd', lines.count)
    const length = index.shape[axis]!
    countable('scatterAdd', length)
    const loops = lines.extents.length
    // Unsigned sums wrap as signed ones do.
    const type = isFloat(out.dtype) ? 'float' : 'unsigned int'
    const entry = `scatterAdd_${type === 'float' ? 'f' : 'u'}${loops}`
    const kernel = device.cached(entry, 'scatterAdd', () => scatterSource(entry, loops, type))
    const { context } = device
    context.begin()
    putViews(device, [out, index, src], 'scatterAdd')
    context.int(lines.count)
    context.int(length)
    for (const view of [out, index, src]) context.long(view.strides[axis]!)
    putLines(device, lines)
    context.launch(kernel, Math.ceil(lines.count / blockThreads), 1, 1, blockThreads)
  }
}
