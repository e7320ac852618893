import { collapse, sizeOf, type View } from '@nablajs/tensor/backend'
import { type Context, withRecord, withScratch } from './runtime.ts'

/**
 * Runs `kernel` on the lines of x and out along `axis`, with `bytes(lines)` bytes of scratch memory;
 * see `assembly/lines.ts`.
 */
export function withLines(
  context: Context,
  x: View,
  out: View,
  axis: number,
  bytes: (lines: number) => number,
  kernel: (lines: number) => void,
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
  const axes = order.flatMap((own) => [loops.shape[own]!, 0, ...fields(own)])
  withRecord(context, axes, (records) =>
    withScratch(
      context,
      [
        context.pointer(x),
        context.pointer(out),
        out.shape[axis]!,
        x.strides[axis]! * 4,
        out.strides[axis]! * 4,
        ...(sheet === undefined ? [1, 0, 0] : [loops.shape[sheet]!, ...fields(sheet)]),
        ...[order.length, records],
      ],
      bytes,
      kernel,
    ),
  )
}
