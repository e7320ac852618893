import { collapse, sizeOf, type View } from '@nablajs/tensor/backend'
import type { RangeKernel } from './load.ts'
import { type Context, deal } from './runtime.ts'

/** What to run on lines; see `assembly/lines.ts`. */
export interface LineKernel {
  readonly name: RangeKernel
  /** Bytes of scratch memory. */
  readonly bytes: (lines: number) => number
  readonly kind: number
  readonly descending?: boolean
  /** What an element costs, in multiply-adds. */
  readonly work: number
}

/** Runs a kernel on the lines of x and out along `axis`. */
export function runLines(
  context: Context,
  x: View,
  out: View,
  axis: number,
  { name, bytes, kind, descending = false, work }: LineKernel,
): void {
  if (sizeOf(out.shape) === 0) return
  const others = <T>(list: readonly T[]): T[] => list.filter((_, own) => own !== axis)
  const loops = collapse(others(out.shape), [others(x.strides), others(out.strides)])
  const [xStrides, outStrides] = loops.strides as [number[], number[]]
  // Which lines come first does not matter: a sheet runs along the axis where they are closest.
  const order = loops.shape
    .map((_, own) => own)
    .sort((a, b) => Math.abs(xStrides[b]!) - Math.abs(xStrides[a]!))
  const fields = (own: number): number[] => [xStrides[own]! * 4, outStrides[own]! * 4]
  const sheet = order.pop()
  const width = sheet === undefined ? 1 : loops.shape[sheet]!
  // Threads take whole sheets where there are enough of them, or else parts of each sheet.
  const sheets = order.length === 0 ? 0 : loops.shape[order[0]!]!
  const whole =
    sheets >= width || (context.pool !== undefined && sheets >= 4 * context.pool.threads)
  deal(context, name, {
    fields: [
      context.pointer(x),
      context.pointer(out),
      out.shape[axis]!,
      x.strides[axis]! * 4,
      out.strides[axis]! * 4,
      ...[width, ...(sheet === undefined ? [0, 0] : fields(sheet))],
      0,
      whole ? 0 : order.length,
      kind,
      descending ? 1 : 0,
      order.length,
      ...order.flatMap((own) => [loops.shape[own]!, 0, ...fields(own)]),
    ],
    scratch: { field: 8, bytes },
    end: whole ? sheets : width,
    // Lines that lie side by side are run sixteen at a time.
    granule: whole ? 1 : 16,
    work: work * sizeOf(out.shape),
  })
}
