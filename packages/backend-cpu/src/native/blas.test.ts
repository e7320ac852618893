/** Matrix products by a BLAS against plain loops in float64. */
import type { ConvGeometry, View } from '@nablajs/tensor/backend'
import { describe, expect, test } from 'vitest'
import { difference, generator, whole } from '../../test/kernels.ts'
import { open } from '../../test/native.ts'

const here = await open()
const blas = typeof here.native.blas === 'string' ? here.native.blas : undefined

function product(m: number, n: number, depth: number, a: readonly number[], b: readonly number[]) {
  return Array.from({ length: m * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n]
    let sum = 0
    for (let k = 0; k < depth; k++) sum += a[i * depth + k]! * b[k * n + j]!
    return sum
  })
}

const rows = (_m: number, n: number, gap = 0) => [n + gap, 1]
const columns = (m: number, _n: number, gap = 0) => [1, m + gap]

describe.skipIf(blas !== undefined)(`products by a BLAS${blas ? ` (${blas})` : ''}`, () => {
  const { kernels, view, read, missed, forget } = here

  test('all sizes and layouts that it can address', () => {
    const next = generator(1)
    const size = () => 1 + Math.floor(next() ** 2 * 40)
    for (let round = 0; round < 300; round++) {
      const [m, n, depth] = [size(), size(), size()]
      const layout = () => (next() < 0.5 ? rows : columns)
      const gap = () => (next() < 0.3 ? 3 : 0)
      const [a, b] = [whole(m * depth, round), whole(depth * n, round + 1000)]
      const out = view([m, n], undefined, layout()(m, n, gap()))
      const x = view([m, depth], a, layout()(m, depth, gap()))
      const y = view([depth, n], b, layout()(depth, n, gap()))
      kernels.matmul(x, y, out)
      expect(
        difference(read(out), product(m, n, depth, a, b)),
        `${m} ${n} ${depth}`,
      ).toBeUndefined()
      expect(missed).toEqual([])
      forget()
    }
  })

  test('batches: each its own, one shared, and rows that merge', () => {
    const [batch, heads, m, n, depth] = [2, 3, 4, 5, 6]
    for (const [aBatch, bBatch] of [
      [true, true],
      [true, false],
      [false, true],
    ]) {
      const a = whole((aBatch ? batch : 1) * heads * m * depth, 1)
      const b = whole((bBatch ? batch * heads : 1) * depth * n, 2)
      const x = view([a.length], a)
      const y = view([b.length], b)
      const out = view([batch, heads, m, n])
      const aSteps = [aBatch ? heads * m * depth : 0, m * depth, depth, 1]
      const bSteps = [bBatch ? heads * depth * n : 0, bBatch ? depth * n : 0, n, 1]
      kernels.matmul(
        { ...x, shape: [batch, heads, m, depth], strides: aSteps },
        { ...y, shape: [batch, heads, depth, n], strides: bSteps },
        out,
      )
      const expected: number[] = []
      for (let i = 0; i < batch; i++)
        for (let j = 0; j < heads; j++) {
          const [aAt, bAt] = [i * aSteps[0]! + j * aSteps[1]!, i * bSteps[0]! + j * bSteps[1]!]
          expected.push(...product(m, n, depth, a.slice(aAt), b.slice(bAt)))
        }
      expect(difference(read(out), expected)).toBeUndefined()
      expect(missed).toEqual([])
      forget()
    }
  })

  test('other layouts are left to our kernels, before anything is written', () => {
    const [m, n, depth] = [4, 5, 6]
    const out = () => view([m, n])
    const a = whole(m * depth, 1)
    const b = whole(depth * n, 2)
    const dense = { a: () => view([m, depth], a), b: () => view([depth, n], b) }
    const cases: (readonly [View, View, View])[] = [
      [view([m, depth], a, [2 * depth, 2]), dense.b(), out()],
      [view([m, depth], a, [-depth, 1]), dense.b(), out()],
      [{ ...dense.a(), strides: [0, 1] }, { ...dense.b(), strides: [0, 1] }, out()],
      // Rows that overlap.
      [{ ...dense.a(), strides: [1, 1] }, dense.b(), out()],
      [dense.a(), dense.b(), view([m, n], undefined, [2 * n, 2])],
    ]
    for (const [x, y, z] of cases) {
      kernels.matmul(x, y, z)
      expect(read(z).every(Number.isNaN)).toBe(true)
    }
    expect(missed).toEqual(cases.map(() => 'matmul'))
    forget()
  })

  test('0 times infinity and NaN reach the sum', () => {
    const [m, n, depth] = [7, 9, 11]
    const a = whole(m * depth, 3).map((v, i) => (i === 5 ? Number.NaN : v))
    const b = whole(depth * n, 4).map((v, i) => (i === 0 ? Number.POSITIVE_INFINITY : v))
    a[0] = 0
    const out = view([m, n])
    kernels.matmul(view([m, depth], a), view([depth, n], b), out)
    expect(difference(read(out), product(m, n, depth, a, b))).toBeUndefined()
    forget()
  })

  test.each([true, false])('follows a memory that grows; shared: %s', async (shared) => {
    const device = await open({ shared })
    const [a, b] = [whole(64, 1), whole(64, 2)]
    const [x, y] = [device.view([8, 8], a), device.view([8, 8], b)]
    for (let round = 0; round < 4; round++) {
      const out = device.view([8, 8])
      device.kernels.matmul(x, y, out)
      expect(difference(device.read(out), product(8, 8, 8, a, b))).toBeUndefined()
      device.memory.grow(500)
    }
    expect(device.missed).toEqual([])
  })

  test('devices with other numbers of threads work side by side, with the same bits each time', async () => {
    const devices = [await open({ threads: 1 }), await open({ threads: 2 })]
    const next = generator(9)
    const [m, n, depth] = [130, 140, 150]
    const a = Array.from({ length: m * depth }, () => Math.fround(next() - 0.5))
    const b = Array.from({ length: depth * n }, () => Math.fround(next() - 0.5))
    const exact = product(m, n, depth, a, b)
    const first: number[][] = []
    for (let round = 0; round < 3; round++)
      for (const [i, device] of devices.entries()) {
        const out = device.view([m, n])
        device.kernels.matmul(device.view([m, depth], a), device.view([depth, n], b), out)
        const result = device.read(out)
        for (const [at, value] of result.entries()) expect(value).toBeCloseTo(exact[at]!, 4)
        first[i] ??= result
        expect(result).toEqual(first[i])
        device.forget()
      }
  })

  test('convolutions with a kernel of one pixel are products', async () => {
    const device = await open({ oneDnn: false })
    const [n, h, w, c, k] = [2, 3, 4, 5, 6]
    const pixels = n * h * w
    const geometry: ConvGeometry = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 }
    const data = [whole(pixels * c, 1), whole(c * k, 2), whole(pixels * k, 3)] as const
    const x = device.view([n, h, w, c], data[0])
    const weight = device.view([1, 1, c, k], data[1])
    const dy = device.view([n, h, w, k], data[2])
    const y = device.view([n, h, w, k])
    const dx = device.view([n, h, w, c])
    const dw = device.view([1, 1, c, k])
    device.kernels.conv2d(x, weight, y, geometry)
    device.kernels.conv2dGradInput(dy, weight, dx, geometry)
    device.kernels.conv2dGradWeight(x, dy, dw, geometry)
    const turned = (values: readonly number[], rows: number, columns: number) =>
      values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!)
    const [xs, ws, ys] = data
    expect(device.missed).toEqual([])
    expect(difference(device.read(y), product(pixels, k, c, xs, ws))).toBeUndefined()
    expect(difference(device.read(dx), product(pixels, c, k, ys, turned(ws, c, k)))).toBeUndefined()
    expect(
      difference(device.read(dw), product(c, k, pixels, turned(xs, pixels, c), ys)),
    ).toBeUndefined()
    device.kernels.conv2d(x, weight, y, { ...geometry, stride: [2, 2] })
    device.kernels.conv2d(x, weight, y, { ...geometry, padding: [1, 1] })
    expect(device.missed).toEqual(['conv2d', 'conv2d'])
  })
})
