import type { DType, Scan } from '@nablajs/tensor/backend'
import { expect, test } from 'vitest'
import {
  difference,
  generator,
  kernelTests,
  type TestKernels,
  testDevices,
  whole,
} from '../../test/kernels.ts'

type Shape = readonly number[]
const volume = (shape: Shape) => shape.reduce((size, extent) => size * extent, 1)

/** The row-major numbers of the elements of each line along an axis. */
function linesOf(shape: Shape, axis: number): number[][] {
  const step = volume(shape.slice(axis + 1))
  const lines: number[][] = []
  for (let i = 0; i < volume(shape); i++)
    if (Math.floor(i / step) % shape[axis]! === 0)
      lines.push(Array.from({ length: shape[axis]! }, (_, k) => i + k * step))
  return lines
}

/** Strides that store the axes in the opposite order, every second element. */
function spreadOut(shape: Shape): number[] {
  let stride = 2
  return shape.map((extent) => {
    const own = stride
    stride *= extent
    return own
  })
}

function sorted(values: readonly number[], shape: Shape, axis: number, descending: boolean) {
  const out = new Array<number>(values.length)
  const key = (v: number) => (Number.isNaN(v) ? 1 : 0)
  const compare = (a: number, b: number) => key(a) - key(b) || (a === b || key(a) ? 0 : a - b)
  for (const line of linesOf(shape, axis)) {
    const order = line.map((_, i) => i)
    order.sort((i, j) => {
      const c = compare(values[line[i]!]!, values[line[j]!]!)
      return (descending ? -c : c) || i - j
    })
    for (const [place, from] of order.entries()) out[line[place]!] = from
  }
  return out
}

const joins: Readonly<Record<Scan, (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  prod: (a, b) => a * b,
  max: Math.max,
  min: Math.min,
  logsumexp: (a, b) => {
    if (a === b) return a + Math.LN2
    return Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)))
  },
}

function scanned(values: readonly number[], shape: Shape, axis: number, scan: Scan) {
  const out = [...values]
  for (const line of linesOf(shape, axis))
    for (let i = 1; i < line.length; i++)
      out[line[i]!] = joins[scan](out[line[i - 1]!]!, values[line[i]!]!)
  return out
}

const shapes: readonly Shape[] = [
  [1],
  [3, 1],
  [17, 5],
  [33, 127],
  [2, 65, 3],
  [1025],
  [3, 2500],
  [2049, 2],
  // Pieces of pieces.
  [40_000],
]

function sorts(t: TestKernels): void {
  test.each(shapes.map((shape) => [shape]))('sort %o along every axis', async (shape) => {
    const next = generator(volume(shape))
    // Many ties.
    const values = Array.from({ length: volume(shape) }, () => Math.floor(next() * 50) - 25)
    for (const [axis] of shape.entries())
      for (const descending of [false, true])
        for (const dtype of ['f32', 'i32', 'u32'] as const satisfies DType[]) {
          const own = dtype === 'u32' ? values.map((v) => (v < 0 ? v + 2 ** 32 : v)) : values
          const strides = descending ? {} : { strides: spreadOut(shape), offset: 1 }
          const out = t.empty(shape, { dtype: 'i32', ...strides })
          t.kernels.sort(t.view(shape, own, { dtype, ...strides }), out, axis, descending)
          expect(
            difference(await t.read(out), sorted(own, shape, axis, descending)),
          ).toBeUndefined()
        }
    t.finish()
  })

  test('sort: NaN is the largest, zeros are equal, subnormal numbers are not', async () => {
    const values = [1, Number.NaN, -0, 0, Number.POSITIVE_INFINITY, 2 ** -149, -0, -Number.NaN]
    values.push(Number.NEGATIVE_INFINITY, -(2 ** -149))
    const n = values.length
    for (const descending of [false, true]) {
      const out = t.empty([n], { dtype: 'i32' })
      t.kernels.sort(t.view([n], values), out, 0, descending)
      expect(await t.read(out)).toEqual(sorted(values, [n], 0, descending))
    }
    t.finish()
  })

  test('nothing to sort', async () => {
    const [x, out] = [t.empty([0, 3]), t.empty([0, 3], { dtype: 'i32' })]
    t.kernels.sort(x, out, 0, false)
    expect(await t.read(out)).toEqual([])
    t.finish()
  })
}

function scans(t: TestKernels): void {
  const kinds: readonly (readonly [Scan, readonly ('f32' | 'i32' | 'u32')[]])[] = [
    ['sum', ['f32', 'i32', 'u32']],
    ['prod', ['f32', 'i32']],
    ['max', ['f32', 'i32', 'u32']],
    ['min', ['f32', 'i32', 'u32']],
    ['logsumexp', ['f32']],
  ]
  test.each(kinds)('running %s', async (scan, dtypes) => {
    for (const shape of shapes)
      for (const [axis] of shape.entries())
        for (const dtype of dtypes) {
          const signs = whole(volume(shape), 9).map((v) => (v < 0 ? -1 : 1))
          const values = scan === 'prod' ? signs : whole(volume(shape), 3)
          const own = dtype === 'u32' ? values.map((v) => v + 4) : values
          const strides = axis === 0 ? {} : { strides: spreadOut(shape), offset: 1 }
          const out = t.empty(shape, { dtype, ...strides })
          t.kernels.cumulative(t.view(shape, own, { dtype, ...strides }), out, axis, scan)
          const tolerance = scan === 'logsumexp' ? 1e-5 : 0
          const wrong = difference(await t.read(out), scanned(own, shape, axis, scan), tolerance)
          if (wrong) throw new Error(`${scan} of ${dtype} [${shape}] along ${axis}: ${wrong}`)
          t.finish()
        }
  })

  test.each([10, 5000])('scans of %i: NaN and infinities', async (n) => {
    const [nan, inf] = [Number.NaN, Number.POSITIVE_INFINITY]
    for (const special of [[nan], [inf], [-inf], [inf, -inf], [-inf, nan, inf]])
      for (const scan of ['sum', 'prod', 'max', 'min', 'logsumexp'] as const) {
        const values = new Array<number>(n).fill(1)
        for (const [i, value] of special.entries()) values[Math.floor(n / 2) + i] = value
        const out = t.empty([n])
        t.kernels.cumulative(t.view([n], values), out, 0, scan)
        expect(difference(await t.read(out), scanned(values, [n], 0, scan), 1e-5)).toBeUndefined()
        const start = t.empty([n])
        const first = [-inf, ...values.slice(1)]
        t.kernels.cumulative(t.view([n], first), start, 0, scan)
        expect(difference(await t.read(start), scanned(first, [n], 0, scan), 1e-5)).toBeUndefined()
      }
    t.finish()
  })

  test('running sums round less than one after the other', async () => {
    const next = generator(11)
    const n = 6000
    const values = Array.from({ length: n }, () => Math.fround(next() * 2 - 1))
    let [sum, single, largest, worst] = [0, 0, 0, 0]
    const exact = values.map((value) => {
      sum += value
      single = Math.fround(single + value)
      largest = Math.max(largest, Math.abs(sum))
      worst = Math.max(worst, Math.abs(single - sum))
      return sum
    })
    const out = t.empty([n])
    t.kernels.cumulative(t.view([n], values), out, 0, 'sum')
    const errors = (await t.read(out)).map((value, i) => Math.abs(value - exact[i]!))
    expect(Math.max(...errors)).toBeLessThan(worst)
    expect(Math.max(...errors)).toBeLessThan(8 * 2 ** -24 * largest)
    t.finish()
  })

  test('a scan may write where it reads', async () => {
    for (const n of [20, 3000]) {
      const values = whole(n, 4)
      const x = t.view([n], values)
      t.kernels.cumulative(x, x, 0, 'sum')
      expect(difference(await t.read(x), scanned(values, [n], 0, 'sum'))).toBeUndefined()
    }
    t.finish()
  })

  test('nothing to scan, and what there is no scan of', async () => {
    const x = t.empty([0, 3])
    t.kernels.cumulative(x, x, 1, 'sum')
    expect(await t.read(x)).toEqual([])
    const integers = t.view([2], [1, 2], { dtype: 'i32' })
    expect(() => t.kernels.cumulative(integers, integers, 0, 'logsumexp')).toThrow(
      'cumulative: a logsumexp of i32; cast to f32 first',
    )
    t.finish()
  })
}

for (const device of testDevices.filter(({ subgroups }) => !subgroups))
  kernelTests('sorts', sorts, undefined, device)
kernelTests('sorts', sorts, 2)
for (const device of testDevices) kernelTests('scans', scans, undefined, device)
kernelTests('scans', scans, 2)
