/** Picking by index along one axis. */
import { bytesOf, type Kernels, sizeOf } from '@nablajs/tensor/backend'
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

/** Elements are moved as bits, whatever they are. A thread for each. */
const gatherSource = (entry: string, loops: number, type: string): string => `${quotientFunction}
extern "C" __global__ void ${entry}(const ${type} *x, const int *index, ${type} *out, unsigned int count, long long x_step, ${lineParameters(loops, 3).join(', ')}) {
  const unsigned int number = blockIdx.x * ${blockThreads}u + threadIdx.x;
  if (number >= count) return;
  ${lineStarts('number', loops, 3).join('\n  ')}
  out[line2] = x[line0 + index[line1] * x_step];
}
`

/** {@link Kernels.gather} for elements of 32 or 16 bits. */
export function gatherKernel(device: Device): Kernels['gather'] {
  return (x, index, out, axis) => {
    const count = sizeOf(out.shape)
    countable('gather', count)
    if (count === 0) return
    // Every element is a line of its own: none of the axes is walked along.
    const lines = linesOf(out.shape, -1, [x.strides.with(axis, 0), index.strides, out.strides])
    const loops = lines.extents.length
    const type = bytesOf(x.dtype) === 2 ? 'unsigned short' : 'unsigned int'
    const entry = `gather_${8 * bytesOf(x.dtype)}_${loops}`
    const kernel = device.cached(entry, 'gather', () => gatherSource(entry, loops, type))
    const { context } = device
    context.begin()
    putViews(device, [x, index, out], 'gather')
    context.int(count)
    context.long(x.strides[axis]!)
    putLines(device, lines)
    context.launch(kernel, Math.ceil(count / blockThreads), 1, 1, blockThreads)
  }
}
