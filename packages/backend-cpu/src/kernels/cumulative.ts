import { DTypeError, type Kernels, type Scan } from '@nablajs/tensor/backend'
import { withLines } from './lines.ts'
import type { Context } from './runtime.ts'

/** As `assembly/scan.ts` numbers them. */
const kinds: Readonly<Record<Scan, number>> = { sum: 0, prod: 1, max: 2, min: 3, logsumexp: 4 }

/** {@link Kernels.cumulative} for f32, i32 and u32. */
export function cumulativeKernel(context: Context): Kernels['cumulative'] {
  const { wasm } = context
  const scans = { f32: wasm.scanFloats, i32: wasm.scanSigned, u32: wasm.scanUnsigned }
  return (x, out, axis, combine) => {
    if (x.dtype !== 'f32' && combine === 'logsumexp')
      throw new DTypeError(`cumulative: a logsumexp of ${x.dtype}; cast to f32 first`)
    const scan = scans[x.dtype as keyof typeof scans]
    withLines(context, x, out, axis, wasm.scanScratch, (lines) => scan(lines, kinds[combine]))
  }
}
