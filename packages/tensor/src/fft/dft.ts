/** One complex transform along one axis: what all of this folder is made of. */
import { record } from '../autograd.ts'
import { DeviceError, ShapeError, showShape } from '../errors.ts'
import { normalizeAxis } from '../layout.ts'
import { tensor } from '../ops/create.ts'
import { concat, stack } from '../ops/join.ts'
import { slice, transpose } from '../ops/movement.ts'
import { pad } from '../ops/pad.ts'
import type { Tensor } from '../tensor.ts'
import { type Complex, onBoth } from './complex.ts'
import { transformOf } from './transform.ts'

/**
 * Where the factor goes that makes the inverse an inverse: `backward` (default) to the inverse
 * (`1/n`), `forward` to the transform, `ortho` half to each (`1/√n`).
 */
export type FftNorm = 'backward' | 'ortho' | 'forward'

export interface Direction {
  readonly inverse: boolean
  readonly norm: FftNorm
}

/** The longest transform that may be done by a matrix: the matrix then takes 16 MB in f32. */
const LONGEST = 1024

function scaleOf(n: number, { inverse, norm }: Direction): number {
  if (norm === 'ortho') return 1 / Math.sqrt(n)
  return (norm === 'backward') === inverse ? 1 / n : 1
}

/** On the host, for `x` `[2, ..., n]`: real parts, then imaginary ones. Its adjoint is the other direction. */
function onHost(op: string, x: Tensor, inverse: boolean, scale: number): Tensor {
  const { shape, dtype, device } = x
  const n = shape.at(-1)!
  const values = Float64Array.from(x.dataSync())
  const run = transformOf(n)
  const half = values.length / 2
  for (let start = 0; start < half; start += n) {
    const real = values.subarray(start, start + n)
    const imag = values.subarray(half + start, half + start + n)
    if (inverse) run(imag, real)
    else run(real, imag)
  }
  if (scale !== 1) for (let i = 0; i < values.length; i++) values[i]! *= scale
  const out = tensor(values, { shape, dtype, device })
  return record(op, out, [x], [], (g) => [onHost(`gradient of ${op}`, g, !inverse, scale)])
}

/** On the device, as a product with `[[C, -S], [S, C]]`. */
function byMatrix({ real, imag }: Complex, inverse: boolean, scale: number): Complex {
  const n = real.shape.at(-1)!
  const sign = inverse ? 1 : -1
  const values = new Float64Array(4 * n * n)
  for (let j = 0; j < n; j++)
    for (let k = 0; k < n; k++) {
      const angle = (2 * Math.PI * ((j * k) % n)) / n
      const [c, s] = [scale * Math.cos(angle), sign * scale * Math.sin(angle)]
      const [above, below] = [2 * n * j + k, 2 * n * (n + j) + k]
      values[above] = c
      values[above + n] = s
      values[below] = -s
      values[below + n] = c
    }
  const { dtype, device } = real
  const matrix = tensor(values, { shape: [2 * n, 2 * n], dtype, device })
  const both = concat([real, imag], -1).matmul(matrix)
  const lead = real.shape.slice(1).map(() => null)
  return {
    real: slice(both, ...lead, { end: n }),
    imag: slice(both, ...lead, { start: n }),
  }
}

/** A tensor cut off or filled up with zeros at the end of one axis. */
export function resize(op: string, x: Tensor, axis: number, n: number): Tensor {
  if (!(Number.isInteger(n) && n >= 1))
    throw new ShapeError(
      `${op}: the length is ${n} on axis ${axis} of ${showShape(x.shape)}; it must be a whole number >= 1`,
    )
  return pad(
    x,
    x.shape.map((extent, i) => [0, i === axis ? n - extent : 0]),
  )
}

/** The transform along one axis, of length n (default: the axis's). */
export function transform(
  op: string,
  x: Complex,
  axis: number,
  n: number | undefined,
  direction: Direction,
): Complex {
  const own = normalizeAxis(op, axis, x.real.rank)
  const length = n ?? x.real.shape[own]!
  const scale = scaleOf(length, direction)
  const moved = onBoth(x, (part) => transpose(resize(op, part, own, length), own, -1))
  const { device } = x.real
  if (!device.readSync && length > LONGEST)
    throw new DeviceError(
      `${op}: the ${device.name} device cannot be read at once, so lengths up to ${LONGEST} are possible; ` +
        `this is ${length}: move the input to another device first: await x.to(device)`,
    )
  let out: Complex
  if (device.readSync) {
    const packed = onHost(op, stack([moved.real, moved.imag]), direction.inverse, scale)
    out = { real: slice(packed, 0), imag: slice(packed, 1) }
  } else out = byMatrix(moved, direction.inverse, scale)
  return onBoth(out, (part) => transpose(part, own, -1))
}
