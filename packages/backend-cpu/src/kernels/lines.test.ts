import type { DType, Scan, View } from '@nablajs/tensor/backend'
import { describe, expect, test } from 'vitest'
import { Device, difference, generator, pick, type Random, randomValue } from '../../test/device.ts'

const devices = [{ shared: true }, { shared: false }]
const dtypes = ['f32', 'i32', 'u32'] as const
const scans = ['sum', 'prod', 'max', 'min', 'logsumexp'] as const

/** Shapes with every kind of axis: none of its own, short, past a sheet of 16 lines, empty. */
const shapes = [
  ...[[1], [2], [7], [65], [300], [0]],
  ...[
    [3, 5],
    [5, 3],
    [1, 4],
    [40, 3],
    [3, 40],
    [17, 17],
    [0, 3],
    [3, 0],
  ],
  ...[
    [2, 3, 4],
    [4, 1, 3],
    [3, 18, 2],
    [18, 2, 3],
    [2, 3, 2, 5],
    [2, 1, 3, 2, 2],
  ],
]

/** What `line` makes of each line of the values along an axis, in row-major order. */
function eachLine(
  shape: readonly number[],
  axis: number,
  values: readonly number[],
  line: (values: readonly number[]) => number[],
): number[] {
  const count = shape[axis]!
  const step = shape.slice(axis + 1).reduce((size, extent) => size * extent, 1)
  const result = [...values]
  for (let first = 0; first < values.length; first++) {
    if (Math.floor(first / step) % count !== 0) continue
    const places = Array.from({ length: count }, (_, i) => first + i * step)
    const done = line(places.map((at) => values[at]!))
    for (const [i, at] of places.entries()) result[at] = done[i]!
  }
  return result
}

function sortedIndices(values: readonly number[], descending: boolean): number[] {
  const rank = (value: number) => (Number.isNaN(value) ? [1, 0] : [0, value]) as [number, number]
  return [...values.keys()].sort((i, j) => {
    const [[n, a], [m, b]] = [rank(values[i]!), rank(values[j]!)]
    const order = n - m || (a < b ? -1 : a > b ? 1 : 0)
    return (descending ? -order : order) || i - j
  })
}

/** As the contract says; sums and products of floats exact to double precision, rounded once. */
function scanned(values: readonly number[], combine: Scan, dtype: DType): number[] {
  const fit = (x: number) => (dtype === 'i32' ? x | 0 : dtype === 'u32' ? x >>> 0 : x)
  const joins: Readonly<Record<Scan, (a: number, b: number) => number>> = {
    sum: (a, b) => fit(a + b),
    prod: (a, b) => (dtype === 'f32' ? a * b : fit(Math.imul(a, b))),
    max: Math.max,
    min: Math.min,
    logsumexp: (a, b) =>
      a === b ? a + Math.LN2 : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b))),
  }
  let sofar = 0
  return values.map((value, i) => {
    sofar = i === 0 ? value : joins[combine](sofar, value)
    return dtype === 'f32' ? Math.fround(sofar) : sofar
  })
}

/** Few different values, so that many are equal. */
function tied(random: Random, dtype: DType): number {
  const list = dtype === 'f32' ? [0, -0, 1, -1, Number.NaN, Infinity, -Infinity] : [0, 1, 2]
  return pick(random, list)
}

describe.each(devices)('sorting and scans, %o', async (options) => {
  const device = await Device.open(options)
  const { sort, cumulative } = device.backend.kernels

  function checkSort(x: View, axis: number, descending: boolean, random?: Random): void {
    const indices = device.empty('i32', x.shape, random)
    sort!(x, indices, axis, descending)
    const line = (values: readonly number[]) => sortedIndices(values, descending)
    const expected = eachLine(x.shape, axis, device.elements(x), line)
    expect(difference(device.read(indices), expected)).toBe('')
  }

  function checkScan(x: View, axis: number, combine: Scan, random?: Random): void {
    const out = device.empty(x.dtype, x.shape, random)
    cumulative!(x, out, axis, combine)
    const line = (values: readonly number[]) => scanned(values, combine, x.dtype)
    const expected = eachLine(x.shape, axis, device.elements(x), line)
    const actual = device.read(out)
    // exp and log of engines differ in the last place of a double, which rounding may show.
    const same = combine === 'logsumexp' ? closely : difference
    expect(same(actual, expected), `${combine} of ${x.dtype} [${x.shape}] on ${axis}`).toBe('')
  }

  test('every axis of shapes with all kinds of strides', () => {
    const random = generator(1)
    for (const shape of shapes)
      for (const axis of shape.keys())
        for (const dtype of dtypes) {
          const views = [
            device.random(random, dtype, shape),
            device.random(random, dtype, shape),
            device.view(
              dtype,
              shape,
              Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => tied(random, dtype)),
            ),
          ]
          for (const x of views) {
            for (const descending of [false, true]) checkSort(x, axis, descending, random)
            for (const combine of scans)
              if (dtype === 'f32' || combine !== 'logsumexp') checkScan(x, axis, combine, random)
          }
          device.free()
        }
  })

  test('long lines', () => {
    const random = generator(2)
    const values = Array.from({ length: 20_000 }, () => randomValue(random, 'f32'))
    for (const [dtype, list] of [
      ['f32', values],
      ['f32', values.map((x) => Math.round(x))],
      ['i32', values.map(() => randomValue(random, 'i32'))],
      ['u32', values.map(() => randomValue(random, 'u32') % 1000)],
      ['i32', values.map(() => 7)],
    ] as const)
      for (const shape of [
        [20_000, 1],
        [10_000, 2],
      ]) {
        const x = device.view(dtype, shape, list)
        for (const descending of [false, true]) checkSort(x, 0, descending)
        for (const combine of ['sum', 'max', 'min'] as const) checkScan(x, 0, combine)
        device.free()
      }
  })

  test('a long sum of small numbers does not stop growing', () => {
    const count = 100_000
    const x = device.view('f32', [count], [2 ** 24, ...new Array<number>(count - 1).fill(1)])
    const out = device.empty('f32', [count])
    cumulative!(x, out, 0, 'sum')
    expect(device.read(out).at(-1)).toBe(Math.fround(2 ** 24 + count - 1))
    device.free()
  })

  test('the bits of a scan do not depend on the layout', () => {
    const random = generator(3)
    const values = Array.from({ length: 50 * 37 }, () => Math.fround(random() - 0.5))
    const turned = eachIndex(50, 37).map(([i, j]) => values[j * 50 + i]!)
    for (const combine of scans) {
      const [rows, columns] = [device.empty('f32', [37, 50]), device.empty('f32', [50, 37])]
      cumulative!(device.view('f32', [37, 50], values), rows, 1, combine)
      cumulative!(device.view('f32', [50, 37], turned), columns, 0, combine)
      const [a, b] = [device.read(rows), device.read(columns)]
      expect(eachIndex(50, 37).map(([i, j]) => a[j * 50 + i]!)).toEqual(b)
      device.free()
    }
  })

  test('a logsumexp of integers', () => {
    const x = device.view('i32', [2], [1, 2])
    expect(() => cumulative!(x, x, 0, 'logsumexp')).toThrow('a logsumexp of i32; cast to f32 first')
    device.free()
  })
})

function eachIndex(rows: number, columns: number): [number, number][] {
  return Array.from({ length: rows * columns }, (_, at) => [Math.floor(at / columns), at % columns])
}

/** As `difference`, but within two units in the last place. */
function closely(actual: readonly number[], expected: readonly number[]): string {
  return difference(
    actual.map((x, i) => (Math.abs(x - expected[i]!) <= Math.abs(x) * 2 ** -22 ? expected[i]! : x)),
    expected,
  )
}
