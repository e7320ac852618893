import { DTypeError, type Kernels, type Scan } from '@nablajs/tensor/backend'
import { runLines } from './lines.ts'
import type { Context } from './runtime.ts'

/** As `assembly/scan.ts` numbers them. */
const kinds: Readonly<Record<Scan, number>> = { sum: 0, prod: 1, max: 2, min: 3, logsumexp: 4 }

/** {@link Kernels.cumulative} for f32, i32 and u32. */
export function cumulativeKernel(context: Context): Kernels['cumulative'] {
  const { wasm } = context
  const scans = { f32: 'scanFloats', i32: 'scanSigned', u32: 'scanUnsigned' } as const
  return (x, out, axis, combine) => {
    if (x.dtype !== 'f32' && combine === 'logsumexp')
      throw new DTypeError(`cumulative: a logsumexp of ${x.dtype}; cast to f32 first`)
    runLines(context, x, out, axis, {
      name: scans[x.dtype as keyof typeof scans],
      bytes: wasm.scanScratch,
      kind: kinds[combine],
      work: combine === 'logsumexp' ? 256 : 16,
    })
  }
}
