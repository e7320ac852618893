import { avgPool2d, gradients, maxPool2dWithIndices, reference, tensor } from '@nablajs/tensor'
import type { PoolGeometry } from '@nablajs/tensor/backend'
import { expect, test } from 'vitest'
import { difference, kernelTests, type TestKernels, whole } from '../../test/kernels.ts'

type Pair = readonly [number, number]
type Four = readonly [number, number, number, number]

const cases: readonly (readonly [Four, Pair, Pair, Pair, Pair])[] = [
  // Images, window, stride, padding, dilation.
  [
    [2, 6, 6, 3],
    [2, 2],
    [2, 2],
    [0, 0],
    [1, 1],
  ],
  [
    [1, 9, 7, 17],
    [3, 3],
    [2, 2],
    [1, 1],
    [1, 1],
  ],
  [
    [1, 5, 8, 1],
    [3, 2],
    [1, 3],
    [1, 1],
    [1, 1],
  ],
  [
    [3, 11, 9, 5],
    [3, 3],
    [1, 2],
    [1, 0],
    [2, 3],
  ],
  [
    [2, 7, 7, 65],
    [7, 7],
    [1, 1],
    [0, 0],
    [1, 1],
  ],
  [
    [2, 9, 9, 4],
    [2, 2],
    [4, 3],
    [0, 0],
    [1, 1],
  ],
]

const f64 = { device: reference(), dtype: 'f64' } as const
const volume = (shape: readonly number[]) => shape.reduce((size, extent) => size * extent, 1)
const inf = Number.POSITIVE_INFINITY

function suite(t: TestKernels): void {
  test.each(cases)('%o by %o, stride %o, padding %o, dilation %o', async (...given) => {
    const [shape, kernel, stride, padding, dilation] = given
    const xs = whole(volume(shape), 5)
    const x = tensor(xs, { ...f64, requiresGrad: true }).reshape([...shape])
    const geometry = { kernel, stride, padding, dilation }
    const expected = maxPool2dWithIndices(x, kernel, { stride, padding, dilation })
    const [values, indices] = [
      t.empty(expected.values.shape),
      t.empty(expected.values.shape, { dtype: 'i32', offset: 2 }),
    ]
    // Memory that can be read four channels at a time, and such that cannot.
    const offset = shape[3] % 4
    const image = t.view(shape, xs, { offset })
    t.kernels.maxPool2d(image, values, indices, geometry)
    expect(difference(await t.read(values), expected.values.dataSync())).toBeUndefined()
    expect(difference(await t.read(indices), expected.indices.dataSync())).toBeUndefined()

    if (dilation[0] * dilation[1] === 1) {
      const sum = avgPool2d(x, kernel, { stride, padding, divisorOverride: 1 })
      const out = t.empty(sum.shape, { offset })
      t.kernels.sumPool2d(image, out, geometry)
      expect(difference(await t.read(out), sum.dataSync())).toBeUndefined()
      const gs = whole(volume(sum.shape), 6)
      const [dx] = gradients(sum, [x], { gradient: tensor(gs, f64).reshape(sum.shape) })
      const spread = t.empty(shape)
      t.kernels.sumPool2dGrad(t.view(sum.shape, gs), spread, geometry)
      expect(difference(await t.read(spread), dx!.dataSync())).toBeUndefined()
    }
    t.finish()
  })

  test('the first of equal values, NaN over all, -Infinity over the padding', async () => {
    const rows = [
      ...[-0, 0, 0, -1],
      ...[1, Number.NaN, inf, Number.NaN],
      ...[-inf, -inf, -inf, -inf],
      ...[2 ** -140, 2 ** -141, 0, -1],
    ]
    const geometry: PoolGeometry = {
      ...{ kernel: [1, 3], stride: [1, 4], padding: [0, 1], dilation: [1, 1] },
    }
    const [values, indices] = [t.empty([1, 4, 1, 1]), t.empty([1, 4, 1, 1], { dtype: 'i32' })]
    t.kernels.maxPool2d(t.view([1, 4, 4, 1], rows), values, indices, geometry)
    expect(difference(await t.read(values), [0, Number.NaN, -inf, 2 ** -140])).toBeUndefined()
    expect(await t.read(indices)).toEqual([0, 5, 8, 12])
    t.finish()
  })

  test('no images', async () => {
    const geometry: PoolGeometry = {
      ...{ kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1] },
    }
    const [values, indices] = [t.empty([0, 2, 2, 3]), t.empty([0, 2, 2, 3], { dtype: 'i32' })]
    t.kernels.maxPool2d(t.empty([0, 4, 4, 3]), values, indices, geometry)
    t.kernels.sumPool2d(t.empty([0, 4, 4, 3]), values, geometry)
    t.kernels.sumPool2dGrad(values, t.empty([0, 4, 4, 3]), geometry)
    expect(await t.read(values)).toEqual([])
    t.finish()
  })
}

kernelTests('pooling', suite)
kernelTests('pooling', suite, 3)
