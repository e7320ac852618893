import { type Program, program, type Scalar } from '@nablajs/tensor/backend'
import { describe, expect, test } from 'vitest'
import { Device, generator } from '../../../test/device.ts'
import { approximate } from '../../../test/interpret.ts'

const device = await Device.open()
const count = 30_000
const largest = 3.4028234663852886e38

/** The distance of neighbouring f32 numbers at x. */
function unit(x: number): number {
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(x))), -126)
  return 2 ** (exponent - 23)
}

/** The largest error in units in the last place; specials must be right. */
function worst(name: string, columns: readonly Float32Array[]): { error: number; at: string } {
  const n = columns[0]!.length
  const made: Program = program({ name, inputs: columns.map(() => 'f32' as const) }, (x, y) =>
    (x as unknown as Record<string, (other?: Scalar) => Scalar>)[name]!(y),
  )
  const out = device.empty('f32', [n])
  device.backend.map(
    made,
    columns.map((column) => device.view('f32', [n], column)),
    [out],
  )
  let result = { error: 0, at: '' }
  for (const [i, actual] of device.read(out).entries()) {
    const [x = 0, y = 0] = columns.map((column) => column[i]!)
    const expected = approximate[name]!(x, y)
    const at = `${name}(${x}, ${y}) = ${actual} for ${expected}`
    if (Math.abs(expected) > 0 && Math.abs(expected) < largest && Number.isFinite(actual)) {
      const error = Math.abs(actual - expected) / unit(expected)
      if (error > result.error) result = { error, at }
    } else if (!Object.is(actual, Math.fround(expected)) && Math.abs(expected) !== largest)
      throw new Error(at)
  }
  device.free()
  return result
}

const random = generator(1)

function uniform(low: number, high: number): Float32Array {
  return Float32Array.from({ length: count }, () => low + (high - low) * random())
}

/** Both signs, all magnitudes between two powers of two. */
function magnitudes(low: number, high: number): Float32Array {
  return Float32Array.from({ length: count }, () => {
    const magnitude = 2 ** (low + (high - low) * random())
    return random() < 0.5 ? -magnitude : magnitude
  })
}

/** Any bits at all, NaN and infinities with them. */
function anything(): Float32Array {
  const bits = Uint32Array.from({ length: count }, () => random() * 2 ** 32)
  return new Float32Array(bits.buffer)
}

const edges = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  2,
  -2,
  3,
  -3,
  Infinity,
  -Infinity,
  Number.NaN,
  largest,
  -largest,
  2 ** -126,
  2 ** -149,
  -(2 ** -140),
  1e10,
  16777217,
  2 ** 20,
  1.5,
  -2.5,
  88.7,
  -103.9,
  -104.5,
].map(Math.fround)

/**
 * The bounds are what was measured on millions of points, rounded up; the libraries of C compilers
 * are at about 1.
 */
const functions: readonly (readonly [string, number, readonly Float32Array[]])[] = [
  ['exp', 1, [uniform(-104, 89), uniform(-1, 1)]],
  ['expm1', 1.5, [uniform(-20, 89), uniform(-1, 1)]],
  ['log', 0.9, [uniform(0, 2), uniform(0.9, 1.1), magnitudes(-149, 128)]],
  ['log1p', 0.9, [uniform(-1, 1), uniform(0, 100), magnitudes(-40, 3)]],
  ['sin', 1.5, [uniform(-8, 8), uniform(-1e5, 1e5), magnitudes(15, 128)]],
  ['cos', 1.5, [uniform(-8, 8), uniform(-1e5, 1e5), magnitudes(15, 128)]],
  ['tanh', 1.4, [uniform(-10, 10), uniform(-1, 1)]],
  ['erf', 1.2, [uniform(-4, 4), uniform(-1.2, 1.2), magnitudes(-149, 4)]],
]

describe('accuracy, in units in the last place', () => {
  test.each(functions)('%s within %d', (name, bound, sweeps) => {
    for (const sweep of [...sweeps, anything(), Float32Array.from(edges)]) {
      const { error, at } = worst(name, [sweep])
      expect(error, at).toBeLessThan(bound)
    }
  })

  test.each([
    ['pow', 1],
    ['atan2', 1.6],
  ] as const)('%s within %d', (name, bound) => {
    const pairs = edges.flatMap((x) => edges.map((y) => [x, y] as const))
    for (const sweep of [
      [uniform(0, 5), uniform(-20, 20)],
      [uniform(0.9, 1.1), uniform(-900, 900)],
      [uniform(-5, 5), uniform(-30, 30).map(Math.round)],
      [magnitudes(-149, 128), magnitudes(-10, 10)],
      [magnitudes(-60, 60), magnitudes(-60, 60)],
      [anything(), anything()],
      [Float32Array.from(pairs, ([x]) => x), Float32Array.from(pairs, ([, y]) => y)],
    ]) {
      const { error, at } = worst(name, sweep)
      expect(error, at).toBeLessThan(bound)
    }
  })

  test('pow with a constant exponent', () => {
    for (const [exponent, f] of [
      [1, (x: number) => x],
      [2, (x: number) => x * x],
      [-1, (x: number) => 1 / x],
      [0, () => 1],
      [0.5, Math.sqrt],
    ] as const) {
      const made = program({ name: 'pow', inputs: ['f32'] }, (x) => x!.pow(exponent))
      const values = [0, 1, 4, 9, 0.25, Infinity, 1e-3]
      const out = device.empty('f32', [values.length])
      device.backend.map(made, [device.view('f32', [values.length], values)], [out])
      for (const [i, actual] of device.read(out).entries())
        expect(actual / f(Math.fround(values[i]!)) || 1).toBeCloseTo(1, 6)
    }
    device.free()
  })
})
