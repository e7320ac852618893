import { matmul, reference, tensor } from '@nablajs/tensor'
import { expect, test } from 'vitest'
import {
  difference,
  kernelTests,
  type TestKernels,
  testDevices,
  whole,
} from '../../test/kernels.ts'

/** Strides of a matrix stored by rows, by columns, with gaps on both axes, and backwards. */
const layouts = {
  rows: (_: number, columns: number) => [columns, 1],
  columns: (rows: number) => [1, rows],
  gaps: (_: number, columns: number) => [columns * 2 + 3, 2],
  backwards: (_: number, columns: number) => [-columns, -1],
}
type Layout = keyof typeof layouts

const f64 = { device: reference(), dtype: 'f64' } as const

const products = (t: TestKernels): void => {
  async function check(
    [m, n, depth]: readonly [number, number, number],
    [la, lb, lc]: readonly [Layout, Layout, Layout],
    offset = 0,
  ) {
    const [a, b] = [whole(m * depth, m + n), whole(depth * n, depth + 7 * n)]
    const out = t.empty([m, n], { strides: layouts[lc](m, n), offset })
    t.kernels.matmul(
      t.view([m, depth], a, { strides: layouts[la](m, depth), offset }),
      t.view([depth, n], b, { strides: layouts[lb](depth, n), offset }),
      out,
    )
    const [x, y] = [tensor(a, f64).reshape([m, depth]), tensor(b, f64).reshape([depth, n])]
    const wrong = difference(await t.read(out), matmul(x, y).dataSync())
    if (wrong) throw new Error(`[${m}, ${depth}] ${la} x [${depth}, ${n}] ${lb} to ${lc}: ${wrong}`)
    t.finish()
  }

  const sizes = [
    [1, 1, 1],
    [3, 5, 17],
    [4, 4, 4],
    [33, 17, 65],
    [64, 64, 64],
    [65, 127, 33],
    [7, 7, 100],
    [1, 300, 40],
    [2, 70, 515],
    [5, 90, 12],
    [140, 6, 37],
    [4, 9, 260],
    [6, 130, 301],
    [300, 1, 40],
    [5, 500, 1],
    [130, 10, 84],
  ] as const

  test.each(sizes)('%i x %i over %i, in every layout', async (m, n, depth) => {
    for (const la of ['rows', 'columns', 'gaps', 'backwards'] as const)
      for (const lb of ['rows', 'columns', 'backwards'] as const)
        await check([m, n, depth], [la, lb, 'rows'])
    await check([m, n, depth], ['rows', 'rows', 'columns'], 4)
    await check([m, n, depth], ['columns', 'columns', 'gaps'], 3)
  })

  test.each([
    [2, 3, 4100],
    [8, 300, 2050],
    [65, 4, 2052],
    [20, 33, 1500],
  ] as const)('parts of a long depth: %i x %i over %i', async (m, n, depth) => {
    await check([m, n, depth], ['rows', 'rows', 'rows'])
    await check([m, n, depth], ['columns', 'gaps', 'gaps'])
  })

  test('large tiles', async () => {
    await check([1030, 1100, 5], ['rows', 'rows', 'rows'])
    await check([1030, 1100, 4], ['columns', 'columns', 'columns'])
  })

  test('long sums in blocks', async () => {
    const [batch, m, n, depth] = [130, 2, 5, 1030]
    const [a, b] = [whole(batch * m * depth, 1), whole(batch * depth * n, 2)]
    const out = t.empty([batch, m, n])
    t.kernels.matmul(t.view([batch, m, depth], a), t.view([batch, depth, n], b), out)
    const x = tensor(a, f64).reshape([batch, m, depth])
    const y = tensor(b, f64).reshape([batch, depth, n])
    expect(difference(await t.read(out), matmul(x, y).dataSync())).toBeUndefined()
    t.finish()
  })

  test('no rows, no columns, no depth, no batch', async () => {
    await check([0, 3, 2], ['rows', 'rows', 'rows'])
    await check([3, 0, 2], ['rows', 'rows', 'rows'])
    await check([3, 5, 0], ['rows', 'rows', 'gaps'])
    const out = t.empty([0, 3, 5])
    t.kernels.matmul(t.empty([0, 3, 2]), t.empty([0, 2, 5]), out)
    expect(await t.read(out)).toEqual([])
  })

  test.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])('batches; a repeats %s, b repeats %s', async (repeatA, repeatB) => {
    const [batch, heads, m, n, depth] = [2, 3, 9, 10, 4]
    const [a, b] = [whole(batch * heads * m * depth, 1), whole(batch * heads * depth * n, 2)]
    const strides = (rows: number, columns: number, repeats: boolean) => [
      repeats ? 0 : heads * rows * columns,
      rows * columns,
      columns,
      1,
    ]
    const values = (list: number[], each: number, repeats: boolean) =>
      repeats ? [...list.slice(0, heads * each), ...list.slice(0, heads * each)] : list
    const [av, bv] = [values(a, m * depth, repeatA), values(b, depth * n, repeatB)]
    const out = t.empty([batch, heads, m, n])
    t.kernels.matmul(
      t.view([batch, heads, m, depth], av, { strides: strides(m, depth, repeatA) }),
      t.view([batch, heads, depth, n], bv, { strides: strides(depth, n, repeatB) }),
      out,
    )
    const x = tensor(av, f64).reshape([batch, heads, m, depth])
    const y = tensor(bv, f64).reshape([batch, heads, depth, n])
    expect(difference(await t.read(out), matmul(x, y).dataSync())).toBeUndefined()
    t.finish()
  })

  test('one buffer as both operands', async () => {
    const a = whole(12 * 8, 3)
    const x = t.view([12, 8], a)
    const turned = {
      ...{ buffer: x.buffer, dtype: x.dtype, offset: x.offset },
      ...{ shape: [8, 12], strides: [1, 8] },
    }
    const [out, inner] = [t.empty([12, 12]), t.empty([8, 8])]
    t.kernels.matmul(x, turned, out)
    t.kernels.matmul(turned, x, inner)
    const m = tensor(a, f64).reshape([12, 8])
    const expected = matmul(m, m.transpose()).dataSync()
    expect(difference(await t.read(out), expected)).toBeUndefined()
    const other = matmul(m.transpose(), m).dataSync()
    expect(difference(await t.read(inner), other)).toBeUndefined()
    t.finish()
  })

  test('NaN and infinities travel', async () => {
    const a = [1, Number.NaN, 2, Number.POSITIVE_INFINITY, 0, -1]
    const out = t.empty([3, 1])
    t.kernels.matmul(t.view([3, 2], a), t.view([2, 1], [2, 1]), out)
    expect(await t.read(out)).toEqual([Number.NaN, Number.POSITIVE_INFINITY, -1])
    t.finish()
  })
}

for (const device of testDevices) kernelTests('matmul', products, undefined, device)

kernelTests(
  'matmul',
  (t) => {
    test('more workgroups than one axis holds', async () => {
      const [a, b] = [whole(300 * 70, 1), whole(70 * 200, 2)]
      const out = t.empty([300, 200])
      t.kernels.matmul(t.view([300, 70], a), t.view([70, 200], b), out)
      const [x, y] = [tensor(a, f64).reshape([300, 70]), tensor(b, f64).reshape([70, 200])]
      expect(difference(await t.read(out), matmul(x, y).dataSync())).toBeUndefined()
      t.finish()
    })
  },
  2,
)
