import type { PoolGeometry } from '@nablajs/tensor/backend'
import { describe, expect, test } from 'vitest'
import { difference, generator, testKernels, variants, whole } from '../../test/kernels.ts'

type Shape = readonly [n: number, h: number, w: number, c: number]

/** Calls `visit` with the flat indices of input and output for each pair in a window, in row-major order of the window. */
function pairs(
  [n, h, w, c]: Shape,
  [, oh, ow]: Shape,
  { kernel, stride, padding, dilation }: PoolGeometry,
  visit: (input: number, output: number, index: number) => void,
): void {
  for (let image = 0; image < n; image++)
    for (let u = 0; u < oh; u++)
      for (let v = 0; v < ow; v++)
        for (let r = 0; r < kernel[0]; r++)
          for (let s = 0; s < kernel[1]; s++) {
            const row = u * stride[0] - padding[0] + r * dilation[0]
            const column = v * stride[1] - padding[1] + s * dilation[1]
            if (row < 0 || row >= h || column < 0 || column >= w) continue
            for (let q = 0; q < c; q++)
              visit(
                ((image * h + row) * w + column) * c + q,
                ((image * oh + u) * ow + v) * c + q,
                row * w + column,
              )
          }
}

describe.each(variants)('pools, $name', async (variant) => {
  const { kernels, view, empty, read, finish } = await testKernels(variant)

  function check(shape: Shape, out: Shape, geometry: PoolGeometry, values?: number[]) {
    const size = shape.reduce((a, b) => a * b, 1)
    const pooledSize = out.reduce((a, b) => a * b, 1)
    const x = values ?? whole(size, size)
    const dy = whole(pooledSize, 5)
    const sums = dy.map(() => 0)
    const maxima = dy.map(() => -Infinity)
    const where = dy.map(() => -1)
    const dx = x.map(() => 0)
    pairs(shape, out, geometry, (i, o, index) => {
      sums[o]! += x[i]!
      dx[i]! += dy[o]!
      const wins = x[i]! > maxima[o]! || (Number.isNaN(x[i]!) && !Number.isNaN(maxima[o]!))
      if (wins || where[o] === -1) [maxima[o], where[o]] = [x[i]!, index]
    })
    const input = view(shape, x)
    const [best, indices] = [empty(out), empty(out, { dtype: 'i32' })]
    kernels.maxPool2d(input, best, indices, geometry)
    const total = empty(out)
    kernels.sumPool2d(input, total, geometry)
    const back = empty(shape)
    kernels.sumPool2dGrad(view(out, dy), back, geometry)
    const places = where.map((at) => Math.max(at, 0))
    const results = {
      max: [best, maxima],
      index: [indices, places],
      sum: [total, sums],
      grad: [back, dx],
    } as const
    for (const [name, [actual, expected]] of Object.entries(results)) {
      const wrong = difference(read(actual), expected)
      if (wrong)
        throw new Error(`${name} of ${shape} to ${out}, ${JSON.stringify(geometry)}: ${wrong}`)
    }
    finish()
  }

  const plain = { kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1] } as const

  test('geometries at random, with channels around the width of a vector', () => {
    const next = generator(3)
    const pick = (low: number, high: number) => low + Math.floor(next() * (high - low + 1))
    for (let i = 0; i < 300; i++) {
      const shape = [pick(1, 3), pick(1, 9), pick(1, 9), pick(1, 13)] as const
      const geometry = {
        kernel: [pick(1, 4), pick(1, 4)],
        stride: [pick(1, 3), pick(1, 3)],
        padding: [pick(0, 2), pick(0, 2)],
        dilation: [pick(1, 3), pick(1, 3)],
      } as const
      // Any grid is allowed: windows that are partly or wholly outside included.
      check(shape, [shape[0], pick(1, 6), pick(1, 6), shape[3]], geometry)
    }
  })

  test('the whole image, a single pixel, and nothing', () => {
    check([2, 7, 5, 6], [2, 1, 1, 6], { ...plain, kernel: [7, 5] })
    check([2, 3, 3, 5], [2, 3, 3, 5], { ...plain, kernel: [1, 1], stride: [1, 1] })
    check([0, 4, 4, 3], [0, 2, 2, 3], plain)
    check([2, 4, 4, 0], [2, 2, 2, 0], plain)
    check([2, 1, 4, 3], [2, 0, 2, 3], plain)
  })

  test('the first of equal values wins, NaN over all, and padding never', () => {
    const geometry = { ...plain, kernel: [3, 3], stride: [1, 1], padding: [1, 1] } as const
    for (const c of [1, 4, 6]) {
      const size = 25 * c
      check([1, 5, 5, c], [1, 5, 5, c], geometry, new Array(size).fill(-2))
      check([1, 5, 5, c], [1, 5, 5, c], geometry, new Array(size).fill(-Infinity))
      check([1, 5, 5, c], [1, 5, 5, c], geometry, new Array(size).fill(NaN))
      const mixed = whole(size, 9).map((v, i) => (i % 11 === 0 ? NaN : i % 7 === 0 ? Infinity : v))
      check([1, 5, 5, c], [1, 5, 5, c], geometry, mixed)
    }
  })

  test('the sum of a large window keeps its precision', () => {
    const x = new Array(300 * 300).fill(Math.fround(0.1))
    const out = empty([1, 1, 1, 1])
    kernels.sumPool2d(view([1, 300, 300, 1], x), out, { ...plain, kernel: [300, 300] })
    expect(Math.abs(read(out)[0]! / 9000 - 1)).toBeLessThan(3e-6)
    finish()
  })
})
