import { conv2d, gradients, reference, type Tensor, tensor } from '@nablajs/tensor'
import type { ConvGeometry, View } from '@nablajs/tensor/backend'
import { expect, test } from 'vitest'
import {
  difference,
  kernelTests,
  type TestKernels,
  testDevices,
  whole,
} from '../../test/kernels.ts'

interface Case {
  /** Images, rows, columns, channels. */
  readonly x: readonly [number, number, number, number]
  /** Kernel rows and columns, output channels. */
  readonly w: readonly [number, number, number]
  readonly stride?: readonly [number, number]
  readonly padding?: readonly [number, number]
  readonly dilation?: readonly [number, number]
  readonly groups?: number
}

const cases: readonly Case[] = [
  { x: [1, 1, 1, 1], w: [1, 1, 1] },
  { x: [2, 12, 12, 1], w: [5, 5, 6] },
  { x: [2, 6, 7, 6], w: [5, 5, 16] },
  { x: [1, 9, 8, 3], w: [3, 3, 8], padding: [1, 1] },
  { x: [2, 9, 11, 4], w: [3, 2, 5], stride: [2, 3], padding: [1, 0] },
  { x: [1, 17, 33, 8], w: [3, 3, 12], stride: [2, 2], padding: [1, 1] },
  { x: [3, 10, 10, 16], w: [3, 3, 32], padding: [2, 2], dilation: [2, 2] },
  { x: [1, 11, 13, 5], w: [2, 3, 7], stride: [3, 2], padding: [2, 3], dilation: [1, 2] },
  { x: [2, 8, 8, 6], w: [3, 3, 9], groups: 3, padding: [1, 1] },
  { x: [1, 7, 7, 16], w: [3, 3, 32], groups: 4, stride: [2, 1], padding: [1, 1] },
  { x: [2, 5, 5, 65], w: [1, 1, 17] },
  { x: [2, 5, 6, 12], w: [1, 1, 8], groups: 2 },
  { x: [1, 9, 9, 4], w: [1, 1, 4], stride: [2, 2] },
  { x: [1, 6, 6, 4], w: [1, 1, 3], padding: [1, 2] },
  { x: [2, 9, 9, 7], w: [3, 3, 7], groups: 7, padding: [1, 1] },
  { x: [1, 9, 9, 6], w: [3, 3, 12], groups: 6, stride: [2, 2], padding: [1, 1] },
  { x: [2, 9, 9, 8], w: [3, 3, 8], groups: 8, stride: [2, 1], padding: [1, 1] },
  { x: [2, 12, 7, 5], w: [3, 1, 5], groups: 5, dilation: [2, 1], stride: [1, 3] },
  { x: [1, 4, 4, 2], w: [4, 4, 3], stride: [5, 5], padding: [3, 3] },
  { x: [2, 5, 5, 4], w: [2, 2, 4], stride: [3, 3] },
  { x: [1, 65, 64, 1], w: [3, 3, 1], padding: [1, 1] },
  { x: [4, 32, 32, 4], w: [3, 3, 4], padding: [1, 1] },
]

const f64 = { device: reference(), dtype: 'f64' } as const
const label = ({ x, w, ...rest }: Case) => `[${x}] by [${w}] ${JSON.stringify(rest)}`

const convolutions = (t: TestKernels): void => {
  async function check(given: Case, offset: number) {
    const { x: shape, w, stride = [1, 1], padding = [0, 0], dilation = [1, 1], groups = 1 } = given
    const [n, h, width, c] = shape
    const weightShape = [w[0], w[1], c / groups, w[2]]
    const geometry: ConvGeometry = { stride, padding, dilation, groups }
    const volume = (list: readonly number[]) => list.reduce((size, extent) => size * extent, 1)
    const [xs, ws] = [whole(volume(shape), 1), whole(volume(weightShape), 2)]
    const x = tensor(xs, { ...f64, requiresGrad: true }).reshape([n, h, width, c])
    const weight = tensor(ws, { ...f64, requiresGrad: true }).reshape(weightShape)
    const y = conv2d(x, weight, undefined, { stride, padding, dilation, groups })
    const ys = whole(volume(y.shape), 3)
    const dy = tensor(ys, f64).reshape(y.shape)
    const [dx, dw] = gradients(y, [x, weight], { gradient: dy })

    const options = { offset }
    const xView = t.view(shape, xs, options)
    const weightView = t.view(weightShape, ws, options)
    const dyView = t.view(y.shape, ys, options)
    const expectView = async (view: View, expected: Tensor) =>
      expect(difference(await t.read(view), expected.dataSync())).toBeUndefined()

    const out = t.empty(y.shape, options)
    t.kernels.conv2d(xView, weightView, out, geometry)
    await expectView(out, y)
    const dxView = t.empty(shape, options)
    t.kernels.conv2dGradInput(dyView, weightView, dxView, geometry)
    await expectView(dxView, dx!)
    const dwView = t.empty(weightShape, options)
    t.kernels.conv2dGradWeight(xView, dyView, dwView, geometry)
    await expectView(dwView, dw!)
    t.finish()
  }

  test.each(cases.map((given) => [label(given), given] as const))('%s', async (_, given) => {
    await check(given, 0)
    await check(given, 3)
  })

  test('nothing to sum, and nothing to write', async () => {
    const geometry: ConvGeometry = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 }
    const [x, weight] = [t.empty([0, 4, 4, 2]), t.view([3, 3, 2, 5], whole(90, 1))]
    const out = t.empty([0, 2, 2, 5])
    t.kernels.conv2d(x, weight, out, geometry)
    expect(await t.read(out)).toEqual([])
    const dw = t.empty([3, 3, 2, 5])
    t.kernels.conv2dGradWeight(x, out, dw, geometry)
    expect(difference(await t.read(dw), new Array(90).fill(0))).toBeUndefined()
    const empty = t.empty([2, 2, 2, 5])
    t.kernels.conv2d(t.empty([2, 4, 4, 0]), t.empty([3, 3, 0, 5]), empty, geometry)
    expect(difference(await t.read(empty), new Array(40).fill(0))).toBeUndefined()
    t.finish()
  })

  test('NaN and infinities travel', async () => {
    const xs = [1, Number.NaN, 2, 3, Number.POSITIVE_INFINITY, 4]
    const out = t.empty([1, 1, 5, 1])
    const geometry: ConvGeometry = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 }
    t.kernels.conv2d(t.view([1, 1, 6, 1], xs), t.view([1, 2, 1, 1], [1, -1]), out, geometry)
    const inf = Number.POSITIVE_INFINITY
    expect(await t.read(out)).toEqual([Number.NaN, Number.NaN, -1, -inf, inf])
    t.finish()
  })
}

for (const device of testDevices)
  kernelTests('conv2d and its gradients', convolutions, undefined, device)
