/**
 * The written-out functions against the float64 reference, in units in the last place, over sweeps of
 * floats. The bounds leave room for GPUs that round divisions and fused additions otherwise.
 */
import { type Backend, reference } from '@nablajs/tensor'
import { type DType, dtypes, program, type Scalar, type View } from '@nablajs/tensor/backend'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type WebGpuBackend, webgpu } from '../src/index.ts'
import { describeOnGpu } from './gpu.ts'

type Unary = 'exp' | 'expm1' | 'log' | 'log1p' | 'sin' | 'cos' | 'tanh' | 'erf'

interface Sweep {
  readonly from: number
  readonly to: number
  /** In units in the last place. */
  readonly bound: number
}

/** Floats from `from` to `to`, equally many between two powers of two. */
function floats({ from, to }: Sweep, count = 4096): number[] {
  const bits = (x: number) => {
    const word = new Int32Array(Float32Array.of(Math.abs(x)).buffer)[0]!
    return x < 0 ? -word : word
  }
  const [low, high] = [bits(from), bits(to)]
  return Array.from({ length: count }, (_, i) => {
    const word = Math.round(low + ((high - low) * i) / (count - 1))
    const value = new Float32Array(Int32Array.of(Math.abs(word)).buffer)[0]!
    return word < 0 ? -value : value
    // Products of the smallest numbers are subnormal, and a GPU may take them for 0.
  }).filter((x) => x === 0 || Math.abs(x) >= 2 ** -100)
}

function place(device: Backend, dtype: DType, values: readonly number[]): View {
  const { array, bytes } = dtypes[dtype]
  const data = new array(new ArrayBuffer(values.length * bytes))
  data.set(values)
  const buffer = device.alloc(data.byteLength)
  device.write(buffer, data)
  return { buffer, dtype, shape: [values.length], strides: [1], offset: 0 }
}

async function evaluate(
  device: Backend,
  dtype: 'f32' | 'f64',
  body: (x: Scalar, y: Scalar) => Scalar,
  columns: readonly (readonly number[])[],
): Promise<ArrayLike<number>> {
  const source = program({ name: 'test', inputs: columns.map(() => dtype) }, (x, y) => body(x!, y!))
  const inputs = columns.map((values) => place(device, dtype, values))
  const output = place(
    device,
    dtype,
    columns[0]!.map(() => 0),
  )
  device.map(source, inputs, [output])
  return new dtypes[dtype].array(await device.read(output.buffer))
}

/** The distance between neighbouring floats at a number. */
const unit = (x: number): number => 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(x)))) - 23)

describeOnGpu('accuracy', () => {
  const truth = reference()
  let device: WebGpuBackend
  beforeAll(async () => {
    device = await webgpu()
  })
  afterAll(() => device.dispose())

  async function worst(
    body: (x: Scalar, y: Scalar) => Scalar,
    columns: readonly (readonly number[])[],
  ): Promise<{ readonly units: number; readonly at: readonly number[] }> {
    const actual = await evaluate(device, 'f32', body, columns)
    const expected = await evaluate(truth, 'f64', body, columns)
    let [units, where] = [0, 0]
    for (let i = 0; i < actual.length; i++) {
      const wanted = expected[i]!
      // Beyond the normal numbers there is only right and wrong.
      if (Math.abs(wanted) < 2 ** -126 || Math.abs(wanted) > 3.4028234e38) continue
      const error = Math.abs(actual[i]! - wanted) / unit(wanted)
      if (!(error <= units)) [units, where] = [error, i]
    }
    return { units, at: columns.map((values) => values[where]!) }
  }

  const unaries: Readonly<Record<Unary, readonly Sweep[]>> = {
    exp: [{ from: -87, to: 88.7, bound: 2 }],
    expm1: [{ from: -20, to: 88.7, bound: 3 }],
    log: [{ from: 2 ** -126, to: 3.4e38, bound: 2 }],
    log1p: [
      { from: -0.999, to: 0.41, bound: 3 },
      { from: 0.41, to: 3.4e38, bound: 2 },
    ],
    sin: [
      { from: -1024, to: 1024, bound: 3 },
      { from: 1024, to: 3.4e38, bound: 3 },
    ],
    cos: [
      { from: -1024, to: 1024, bound: 3 },
      { from: 1024, to: 3.4e38, bound: 3 },
    ],
    tanh: [{ from: -12, to: 12, bound: 3 }],
    erf: [{ from: -5, to: 5, bound: 3 }],
  }
  for (const [name, sweeps] of Object.entries(unaries))
    for (const sweep of sweeps)
      it(`${name} from ${sweep.from} to ${sweep.to}`, async () => {
        const { units, at } = await worst((x) => x[name as Unary](), [floats(sweep)])
        expect(units, `at ${at}`).toBeLessThanOrEqual(sweep.bound)
      })

  it('pow', async () => {
    const bases = floats({ from: 2 ** -100, to: 1e30, bound: 0 }, 97)
    const near = Array.from({ length: 41 }, (_, i) => Math.fround(0.8 + i / 100))
    const exponents = [...floats({ from: -40, to: 40, bound: 0 }, 61), -700, -300, 300, 700]
    const x = [...bases, ...near].flatMap((base) => exponents.map(() => base))
    const y = [...bases, ...near].flatMap(() => exponents)
    const { units, at } = await worst((a, b) => a.pow(b), [x, y])
    expect(units, `at ${at}`).toBeLessThanOrEqual(4)
  })

  it('atan2', async () => {
    const side = floats({ from: -1e4, to: 1e4, bound: 0 }, 64)
    const y = side.flatMap((value) => side.map(() => value))
    const x = side.flatMap(() => side)
    const { units, at } = await worst((a, b) => a.atan2(b), [y, x])
    expect(units, `at ${at}`).toBeLessThanOrEqual(4)
  })

  it('the remainder is exact', async () => {
    const some = [...floats({ from: 1e-30, to: 1e30, bound: 0 }, 50), 0.1, 0.3, 7, 16777216]
    const x = some.flatMap((value) => some.map(() => value))
    const y = some.flatMap(() => some)
    const actual = await evaluate(device, 'f32', (a, b) => a.rem(b), [x, y])
    for (let i = 0; i < x.length; i++) {
      const wanted = Math.fround(Math.fround(x[i]!) % Math.fround(y[i]!))
      if (wanted !== 0 && wanted < 2 ** -126) continue
      expect(actual[i], `${x[i]} % ${y[i]}`).toBe(wanted)
    }
  })
})
