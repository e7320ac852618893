/** Depthwise convolutions at shapes where a thread's columns hang over, and with rows of taps too long to write out. */
import { conv2d, gradients, reference, tensor } from '@nablajs/tensor'
import type { ConvGeometry } from '@nablajs/tensor/backend'
import { expect, test } from 'vitest'
import { difference, kernelTests, type TestKernels, whole } from '../../test/kernels.ts'

type Pair = readonly [number, number]

/** Channels, filters of each, image, taps; then stride, padding, dilation. */
const cases: readonly (readonly [number, number, Pair, Pair, Pair, Pair, Pair])[] = [
  [8, 1, [9, 13], [3, 3], [1, 1], [1, 1], [1, 1]],
  [8, 1, [9, 13], [3, 3], [1, 1], [2, 3], [1, 1]],
  [4, 1, [5, 3], [5, 5], [1, 1], [2, 2], [1, 1]],
  [8, 1, [11, 10], [3, 2], [2, 3], [1, 1], [1, 1]],
  [12, 1, [12, 12], [3, 3], [1, 1], [2, 2], [2, 2]],
  [12, 1, [14, 14], [2, 3], [2, 1], [0, 3], [1, 3]],
  [3, 2, [7, 6], [3, 3], [1, 1], [1, 1], [1, 1]],
  [4, 3, [7, 9], [1, 4], [2, 2], [0, 2], [1, 1]],
  [4, 1, [3, 30], [1, 11], [1, 1], [0, 5], [1, 1]],
  [5, 1, [3, 30], [2, 9], [1, 2], [1, 4], [1, 2]],
]

const f64 = { device: reference(), dtype: 'f64' } as const
const volume = (shape: readonly number[]) => shape.reduce((size, extent) => size * extent, 1)

function suite(t: TestKernels): void {
  test.each(cases)(
    '%i x %i channels, %o by %o, stride %o, padding %o, dilation %o',
    async (...given) => {
      const [channels, filters, size, taps, stride, padding, dilation] = given
      const shape = [2, ...size, channels]
      const weightShape = [...taps, 1, channels * filters]
      const [xs, ws] = [whole(volume(shape), 1), whole(volume(weightShape), 2)]
      const x = tensor(xs, { ...f64, requiresGrad: true }).reshape(shape)
      const weight = tensor(ws, { ...f64, requiresGrad: true }).reshape(weightShape)
      const options = { stride, padding, dilation, groups: channels }
      const y = conv2d(x, weight, undefined, options)
      const ys = whole(volume(y.shape), 3)
      const [dx, dw] = gradients(y, [x, weight], { gradient: tensor(ys, f64).reshape(y.shape) })

      const geometry: ConvGeometry = options
      // Memory that can be read four channels at a time, and such that cannot.
      for (const offset of [0, 3]) {
        const own = { offset }
        const [xView, weightView] = [t.view(shape, xs, own), t.view(weightShape, ws, own)]
        const dyView = t.view(y.shape, ys, own)
        const [out, dxOut, dwOut] = [y.shape, shape, weightShape].map((s) => t.empty(s, own))
        t.kernels.conv2d(xView, weightView, out!, geometry)
        t.kernels.conv2dGradInput(dyView, weightView, dxOut!, geometry)
        t.kernels.conv2dGradWeight(xView, dyView, dwOut!, geometry)
        expect(difference(await t.read(out!), y.dataSync())).toBeUndefined()
        expect(difference(await t.read(dxOut!), dx!.dataSync())).toBeUndefined()
        expect(difference(await t.read(dwOut!), dw!.dataSync())).toBeUndefined()
        t.finish()
      }
    },
  )

  test('columns that are not there do not reach the gradient of the weight', async () => {
    const [nan, geometry] = [
      Number.NaN,
      { stride: [1, 1], padding: [0, 0], dilation: [1, 1] } as const,
    ]
    const x = t.view([1, 1, 3, 2], [1, 2, 3, 4, nan, nan])
    const dw = t.empty([1, 3, 1, 2])
    const dy = t.view([1, 1, 1, 2], [1, 10])
    t.kernels.conv2dGradWeight(x, dy, dw, { ...geometry, groups: 2 })
    expect(await t.read(dw)).toEqual([1, 20, 3, 40, nan, nan])
    t.finish()
  })
}

kernelTests('depthwise convolutions', suite)
kernelTests('depthwise convolutions', suite, 3)
