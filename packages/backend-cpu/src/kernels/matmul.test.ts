import { describe, expect, test } from 'vitest'
import { difference, generator, testKernels, variants, whole } from '../../test/kernels.ts'

function naive(m: number, n: number, depth: number, a: number[], b: number[]): number[] {
  const c = new Array<number>(m * n).fill(0)
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++)
      for (let k = 0; k < depth; k++) c[i * n + j]! += a[i * depth + k]! * b[k * n + j]!
  return c
}

/** Strides of a matrix stored by rows, by columns, and with gaps on both axes. */
const layouts = {
  rows: (_: number, columns: number) => [columns, 1],
  columns: (rows: number) => [1, rows],
  gaps: (_: number, columns: number) => [columns * 2 + 3, 2],
  backwards: (_: number, columns: number) => [-columns, -1],
}
type Layout = keyof typeof layouts

describe.each(variants)('matmul, $name', async (variant) => {
  const { kernels, view, empty, read, finish } = await testKernels(variant)

  function check(m: number, n: number, depth: number, la: Layout, lb: Layout, lc: Layout) {
    const [a, b] = [whole(m * depth, m + n), whole(depth * n, depth + 7 * n)]
    const out = empty([m, n], { strides: layouts[lc](m, n) })
    kernels.matmul(
      view([m, depth], a, { strides: layouts[la](m, depth) }),
      view([depth, n], b, { strides: layouts[lb](depth, n) }),
      out,
    )
    const wrong = difference(read(out), naive(m, n, depth, a, b))
    if (wrong) throw new Error(`[${m}, ${depth}] ${la} x [${depth}, ${n}] ${lb} to ${lc}: ${wrong}`)
    finish()
  }

  test('every combination of small sizes', () => {
    const sizes = [1, 2, 4, 5, 6, 7, 8, 9, 13]
    for (const m of sizes)
      for (const n of sizes)
        for (const depth of sizes) {
          for (const la of ['rows', 'columns'] as const)
            for (const lb of ['rows', 'columns'] as const) check(m, n, depth, la, lb, 'rows')
          check(m, n, depth, 'gaps', 'gaps', 'gaps')
          check(m, n, depth, 'backwards', 'backwards', 'columns')
        }
  })

  test.each([
    [97, 263, 300],
    [48, 256, 256],
    [49, 257, 257],
    [7, 31, 600],
    [1, 67, 1100],
    [3, 35, 2049],
    [101, 1, 1025],
    [64, 3, 70],
    [1, 1, 3000],
  ])('blocks and their edges: %i x %i over %i', (m, n, depth) => {
    check(m, n, depth, 'rows', 'rows', 'rows')
    check(m, n, depth, 'columns', 'columns', 'columns')
    check(m, n, depth, 'gaps', 'backwards', 'gaps')
    check(m, n, depth, 'backwards', 'gaps', 'backwards')
  })

  test('no rows, no columns, no depth', () => {
    for (const [m, n] of [
      [0, 3],
      [3, 0],
      [0, 0],
    ] as const)
      check(m, n, 2, 'rows', 'rows', 'rows')
    for (const layout of ['rows', 'columns', 'gaps'] as const)
      check(3, 5, 0, 'rows', 'rows', layout)
  })

  test('batches, with either side repeated', () => {
    const [batch, heads, m, n, depth] = [2, 3, 5, 9, 4]
    for (const repeatA of [
      [false, false],
      [true, false],
      [true, true],
    ] as const)
      for (const repeatB of [
        [false, false],
        [false, true],
        [true, true],
      ] as const)
        for (const rows of [m, 1]) {
          const lead = [batch, heads]
          const strides = (repeat: readonly boolean[], size: number, own: number[]) => {
            const inner = repeat[1] ? 1 : heads
            return [repeat[0] ? 0 : inner * size, repeat[1] ? 0 : size, ...own]
          }
          const a = whole(batch * heads * rows * depth, 1)
          const b = whole(batch * heads * depth * n, 2)
          const x = view([batch * heads * rows * depth], a)
          const y = view([batch * heads * depth * n], b)
          const aStrides = strides(repeatA, rows * depth, [depth, 1])
          const bStrides = strides(repeatB, depth * n, [n, 1])
          const out = empty([...lead, rows, n])
          kernels.matmul(
            { ...x, shape: [...lead, rows, depth], strides: aStrides },
            { ...y, shape: [...lead, depth, n], strides: bStrides },
            out,
          )
          const expected: number[] = []
          for (let i = 0; i < batch; i++)
            for (let j = 0; j < heads; j++) {
              const aAt = i * aStrides[0]! + j * aStrides[1]!
              const bAt = i * bStrides[0]! + j * bStrides[1]!
              expected.push(
                ...naive(
                  rows,
                  n,
                  depth,
                  a.slice(aAt, aAt + rows * depth),
                  b.slice(bAt, bAt + depth * n),
                ),
              )
            }
          expect(difference(read(out), expected)).toBeUndefined()
          finish()
        }
  })

  test.each([
    [1, 40],
    [3, 5],
    [8, 16],
    [40, 1],
  ])('0 times infinity and NaN reach the sum: %i x %i', (m, n) => {
    const depth = 11
    const a = whole(m * depth, 3).map((v, i) => (i === 5 ? NaN : v))
    const b = whole(depth * n, 4).map((v, i) => (i === 0 ? Infinity : v))
    a[0] = 0
    for (const lb of ['rows', 'columns'] as const) {
      const out = empty([m, n])
      kernels.matmul(
        view([m, depth], a),
        view([depth, n], b, { strides: layouts[lb](depth, n) }),
        out,
      )
      expect(difference(read(out), naive(m, n, depth, a, b))).toBeUndefined()
      finish()
    }
  })

  test('long sums keep their precision', () => {
    const depth = 100_000
    const next = generator(5)
    const a = Array.from({ length: depth }, () => Math.fround(next()))
    for (const [m, n] of [
      [1, 1],
      [1, 32],
      [6, 8],
    ] as const) {
      const out = empty([m, n])
      const x = { ...view([depth], a), shape: [m, depth], strides: [0, 1] }
      const y = { ...x, shape: [depth, n], strides: [1, 0] }
      kernels.matmul(x, y, out)
      const exact = a.reduce((sum, v) => sum + v * v, 0)
      // One sum of floats in sequence would be off by about 1e-4.
      for (const value of read(out)) expect(Math.abs(value / exact - 1)).toBeLessThan(3e-6)
      finish()
    }
  })
})
