import type { Kernels } from '@nablajs/tensor/backend'
import { runLines } from './lines.ts'
import type { Context } from './runtime.ts'

/** {@link Kernels.sort} for elements of 32 bits. */
export function sortKernel(context: Context): Kernels['sort'] {
  const { wasm } = context
  return (x, indices, axis, descending) => {
    const kind = x.dtype === 'f32' ? 0 : x.dtype === 'i32' ? 1 : 2
    runLines(context, x, indices, axis, {
      name: 'sort',
      bytes: wasm.sortScratch,
      kind,
      descending,
      work: 128,
    })
  }
}
