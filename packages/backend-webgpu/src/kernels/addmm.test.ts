import { matmul, reference, tensor } from '@nablajs/tensor'
import { expect, test } from 'vitest'
import {
  difference,
  kernelTests,
  type TestKernels,
  testDevices,
  whole,
} from '../../test/kernels.ts'

const f64 = { device: reference(), dtype: 'f64' } as const

/** Strides of a term that is a row, a column, a number, a matrix, or one stored by columns. */
const terms = {
  row: () => [0, 1],
  column: () => [1, 0],
  number: () => [0, 0],
  matrix: (_: number, columns: number) => [columns, 1],
  turned: (rows: number) => [1, rows],
}

const sums = (t: TestKernels): void => {
  async function check(
    batch: readonly number[],
    [m, n, depth]: readonly [number, number, number],
    term: keyof typeof terms,
    outByColumns = false,
  ) {
    const count = batch.reduce((product, extent) => product * extent, 1)
    const [a, b] = [whole(count * m * depth, m + n), whole(count * depth * n, depth + 7 * n)]
    const [down, across] = terms[term](m, n) as [number, number]
    const repeats = term === 'row' || term === 'number'
    // Each matrix of the batch has a term of its own, unless that repeats along the rows.
    const steps = batch.map((_, axis) =>
      repeats ? 0 : batch.slice(axis + 1).reduce((product, extent) => product * extent, m * n),
    )
    const added = Array.from({ length: count * m * n }, (_, i) => {
      const [matrix, row, column] = [Math.floor(i / (m * n)), Math.floor(i / n) % m, i % n]
      return ((((repeats ? 0 : matrix * m * n) + row * down + column * across) * 7) % 23) - 11
    })
    const shape = [...batch, m, n]
    const out = t.empty(shape, outByColumns ? { strides: [1, m], offset: 3 } : {})
    t.kernels.addmm(
      t.view([...batch, m, depth], a),
      t.view([...batch, depth, n], b),
      t.view(shape, added, { strides: [...steps, down, across], offset: 2 }),
      out,
    )
    const x = tensor(a, f64).reshape([...batch, m, depth])
    const y = tensor(b, f64).reshape([...batch, depth, n])
    const expected = matmul(x, y).add(tensor(added, f64).reshape(shape)).dataSync()
    const wrong = difference(await t.read(out), expected)
    if (wrong) throw new Error(`[${batch}] ${m} x ${n} over ${depth} and a ${term}: ${wrong}`)
    t.finish()
  }

  test.each([
    [1, 1, 1],
    [3, 5, 17],
    [64, 64, 64],
    [33, 17, 65],
    [1, 300, 40],
    [300, 1, 40],
    [130, 10, 84],
    [6, 130, 301],
    [8, 300, 2050],
    [65, 4, 2052],
    [3, 5, 0],
  ] as const)('%i x %i over %i', async (...sizes) => {
    for (const term of Object.keys(terms) as (keyof typeof terms)[]) await check([], sizes, term)
    await check([], sizes, 'row', true)
  })

  test('batches', async () => {
    for (const term of ['row', 'number', 'matrix', 'turned'] as const) {
      await check([2, 3], [9, 10, 4], term)
      await check([4], [5, 70, 1300], term)
      await check([2], [3, 4, 0], term)
    }
  })

  test('the term may be where the results go', async () => {
    const [a, b, c] = [whole(20 * 30, 1), whole(30 * 40, 2), whole(20 * 40, 3)]
    const out = t.view([20, 40], c)
    t.kernels.addmm(t.view([20, 30], a), t.view([30, 40], b), out, out)
    const product = matmul(tensor(a, f64).reshape([20, 30]), tensor(b, f64).reshape([30, 40]))
    const expected = product.add(tensor(c, f64).reshape([20, 40])).dataSync()
    expect(difference(await t.read(out), expected)).toBeUndefined()
    t.finish()
  })
}

for (const device of testDevices) kernelTests('addmm', sums, undefined, device)
