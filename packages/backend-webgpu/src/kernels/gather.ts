/** Reading by index along one axis: a thread for each element of the index. */
import { type Kernels, sizeOf } from '@nablajs/tensor/backend'
import type { Runtime } from '../runtime/kernel.ts'
import { halvesOf } from './memory.ts'
import { defineKernel, eachThread, groupsFor, THREADS, walk, walkParams, walkText } from './wgsl.ts'

const names = ['index', 'x', 'out']

const pick = defineKernel<{ rank: number }>(({ rank }) => ({
  name: 'gather',
  about: 'out[.., i, ..] = x[.., index[.., i, ..], ..] along one axis.',
  memory: {
    index: { element: 'i32' },
    x: { element: 'u32' },
    out: { element: 'u32', access: 'write' },
  },
  params: ['count', 'x_step', ...walkParams(rank, names)],
  threads: THREADS,
  main: [
    eachThread,
    walkText(rank, names),
    'store_out(out_at, load_x(x_at + load_index(index_at) * p.x_step));',
  ].join('\n'),
}))

/** {@link Kernels.gather} for elements of 32 bits, and f16. */
export function gatherKernel(runtime: Runtime): Kernels['gather'] {
  return (x, index, out, axis) => {
    const count = sizeOf(index.shape)
    if (count === 0) return
    const { rank, params } = walk(index.shape, {
      index,
      x: { strides: x.strides.with(axis, 0), offset: x.offset },
      out,
    })
    pick(
      runtime,
      { rank },
      {
        buffers: { index: index.buffer, x: x.buffer, out: out.buffer },
        halves: halvesOf(out.dtype, 'x', 'out'),
        params: { ...params, count, x_step: x.strides[axis]! },
        groups: groupsFor(count),
      },
    )
  }
}
