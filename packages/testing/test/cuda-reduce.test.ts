/** Reductions along rows of lengths for which the CUDA device deals them out in its several ways. */
import { type CudaBackend, cuda } from '@nablajs/backend-cuda-node'
import { type Tensor, tensor } from '@nablajs/tensor'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { because, emulated } from './emulated.ts'

const { missing, controls } = emulated()

describe.skipIf(missing !== undefined)(`reductions on cuda${because(missing)}`, () => {
  let device: CudaBackend
  beforeAll(async () => {
    device = await cuda()
  })
  afterAll(() => device.dispose())

  const numbers = (count: number, seed: number): Float32Array =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(seed + 12.9898 * i))
  const orders = controls ? (['forward', 'reverse', 'random'] as const) : (['forward'] as const)

  // From a thread for each row to a block for each, and parts of rows.
  test.each([4, 7, 12, 32, 60, 128, 132, 508, 512, 1000, 1024, 1028, 4096, 5000, 70_000])(
    'of rows of %i',
    async (length) => {
      const rows = 3
      const [p, q] = [numbers(rows * length, 1), numbers(rows * length, 2)]
      const row = <T>(list: ArrayLike<T>, i: number): T[] =>
        Array.from({ length }, (_, j) => list[i * length + j]!)
      const each = (f: (x: number[], y: number[]) => number): number[] =>
        Array.from({ length: rows }, (_, i) => f(row(p, i), row(q, i)))
      const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0)
      const ways: [string, (x: Tensor, y: Tensor) => Tensor, number[], number][] = [
        ['sum', (x) => x.sum(1), each(sum), 1e-4 * Math.max(1, length / 10_000)],
        ['max', (x) => x.max(1), each((x) => x.reduce((a, b) => Math.max(a, b))), 0],
        [
          'argmax',
          (x) => x.argmax(1),
          each((x) => x.indexOf(x.reduce((a, b) => Math.max(a, b)))),
          0,
        ],
        [
          'of the distance from the first',
          (x) =>
            x
              .sub(x.slice({}, { start: 0, end: 1 }))
              .square()
              .sum(1),
          each((x) => sum(x.map((v) => (v - x[0]!) ** 2))),
          1e-3 * Math.max(1, length / 1000),
        ],
        [
          'logsumexp',
          (x) => x.logsumexp(1),
          each((x) => Math.log(sum(x.map((v) => Math.exp(v))))),
          1e-4,
        ],
        [
          'of two',
          (x, y) => x.mul(y).sum(1),
          each((x, y) => sum(x.map((v, i) => v * y[i]!))),
          1e-3 * Math.max(1, length / 1000),
        ],
      ]
      const [x, y] = [p, q].map((data) => tensor(data, { device }).reshape([rows, length]))
      for (const [name, run, wanted, allowed] of ways) {
        let first: unknown
        for (const order of orders) {
          controls?.setOrder(order)
          try {
            const values = [...(await run(x!, y!).data())].map(Number)
            values.forEach((value, i) => {
              expect(Math.abs(value - wanted[i]!), `${name}: ${value}`).toBeLessThanOrEqual(allowed)
            })
            first ??= values
            expect(values).toEqual(first)
          } finally {
            controls?.setOrder('forward')
          }
        }
      }
    },
  )
})
