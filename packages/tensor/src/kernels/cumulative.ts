/** Running sums, products and extrema. */
import type { Backend, Kernels, Scan, View } from '../backend.ts'
import { logaddexp } from '../ops/binary.ts'
import { copyInto } from '../ops/fill.ts'
import { program } from '../program/program.ts'
import type { Scalar } from '../program/scalar.ts'
import { restride, withTemporary } from './compose.ts'

const joins: Readonly<Record<Scan, (before: Scalar, x: Scalar) => Scalar>> = {
  sum: (a, x) => a.add(x),
  prod: (a, x) => a.mul(x),
  max: (a, x) => a.max(x),
  min: (a, x) => a.min(x),
  logsumexp: (a, x) => logaddexp.row.forward(a, x),
}

/** After each step an element has joined twice as many: 1, 2, 4 ... (Hillis and Steele, 1986). */
export const composedCumulative =
  (device: Backend): Kernels['cumulative'] =>
  (x, out, axis, combine) => {
    const { shape, dtype } = x
    const count = shape[axis]!
    const join = program({ name: 'cumulative', inputs: [dtype, dtype] }, (a, b) =>
      joins[combine](a!, b!),
    )
    copyInto(device, x, out)
    withTemporary(device, dtype, shape, (last) => {
      for (let step = 1; step < count; step *= 2) {
        copyInto(device, out, last)
        const part = (view: View, start: number): View =>
          restride(view, shape.with(axis, count - step), view.strides, start * view.strides[axis]!)
        device.map(join, [part(last, 0), part(last, step)], [part(out, step)])
      }
    })
  }
