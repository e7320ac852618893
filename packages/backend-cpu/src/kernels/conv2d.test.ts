import type { ConvGeometry } from '@nablajs/tensor/backend'
import { describe, expect, test } from 'vitest'
import { difference, generator, testKernels, variants, whole } from '../../test/kernels.ts'

interface Case {
  readonly x: readonly [n: number, h: number, w: number, c: number]
  /** Rows, columns and output channels of the kernel. */
  readonly kernel: readonly [r: number, s: number, k: number]
  readonly stride?: readonly [number, number]
  /** Top, left, bottom, right. */
  readonly pad?: readonly [number, number, number, number]
  readonly dilation?: readonly [number, number]
  readonly groups?: number
}

interface Problem {
  readonly geometry: ConvGeometry
  readonly shapes: { x: number[]; weight: number[]; y: number[] }
}

function problem({
  x,
  kernel,
  stride = [1, 1],
  pad = [0, 0, 0, 0],
  dilation = [1, 1],
  groups = 1,
}: Case): Problem {
  const [n, h, w, c] = x
  const [r, s, k] = kernel
  const outputs = (size: number, pads: number, taps: number, axis: 0 | 1) =>
    Math.max(0, Math.floor((size + pads - dilation[axis] * (taps - 1) - 1) / stride[axis]) + 1)
  const oh = outputs(h, pad[0] + pad[2], r, 0)
  const ow = outputs(w, pad[1] + pad[3], s, 1)
  return {
    geometry: { stride, padding: [pad[0], pad[1]], dilation, groups },
    shapes: { x: [...x], weight: [r, s, c / groups, k], y: [n, oh, ow, k] },
  }
}

/** Calls `visit` with flat indices of x, weight and y for each product of the convolution. */
function products(p: Problem, visit: (x: number, weight: number, y: number) => void): void {
  const [n, h, w, c] = p.shapes.x as [number, number, number, number]
  const [r, s, cg, k] = p.shapes.weight as [number, number, number, number]
  const [, oh, ow] = p.shapes.y as [number, number, number, number]
  const { stride, padding, dilation, groups } = p.geometry
  const kg = k / groups
  for (let image = 0; image < n; image++)
    for (let u = 0; u < oh; u++)
      for (let v = 0; v < ow; v++)
        for (let i = 0; i < r; i++)
          for (let j = 0; j < s; j++) {
            const row = u * stride[0] - padding[0] + i * dilation[0]
            const column = v * stride[1] - padding[1] + j * dilation[1]
            if (row < 0 || row >= h || column < 0 || column >= w) continue
            for (let q = 0; q < cg; q++)
              for (let o = 0; o < k; o++)
                visit(
                  ((image * h + row) * w + column) * c + Math.floor(o / kg) * cg + q,
                  ((i * s + j) * cg + q) * k + o,
                  ((image * oh + u) * ow + v) * k + o,
                )
          }
}

const volume = (shape: readonly number[]) => shape.reduce((size, extent) => size * extent, 1)

describe.each(variants)('conv2d, $name', async (variant) => {
  const { kernels, view, empty, read, finish } = await testKernels(variant)

  function check(
    c: Case,
    change: (x: number[], weight: number[], dy: number[]) => void = () => {},
  ) {
    const p = problem(c)
    const { shapes, geometry } = p
    const x = whole(volume(shapes.x), 1)
    const weight = whole(volume(shapes.weight), 2)
    const dy = whole(volume(shapes.y), 3)
    change(x, weight, dy)
    const y = dy.map(() => 0)
    const dx = x.map(() => 0)
    const dw = weight.map(() => 0)
    products(p, (i, j, o) => {
      y[o]! += x[i]! * weight[j]!
      dx[i]! += dy[o]! * weight[j]!
      dw[j]! += x[i]! * dy[o]!
    })
    const views = {
      x: view(shapes.x, x),
      weight: view(shapes.weight, weight),
      dy: view(shapes.y, dy),
      y: empty(shapes.y),
      dx: empty(shapes.x),
      dw: empty(shapes.weight),
    }
    kernels.conv2d(views.x, views.weight, views.y, geometry)
    kernels.conv2dGradInput(views.dy, views.weight, views.dx, geometry)
    kernels.conv2dGradWeight(views.x, views.dy, views.dw, geometry)
    const results = { y: [views.y, y], dx: [views.dx, dx], dw: [views.dw, dw] } as const
    for (const [name, [actual, expected]] of Object.entries(results)) {
      const wrong = difference(read(actual), expected)
      if (wrong) throw new Error(`${name} of ${JSON.stringify(c)}: ${wrong}`)
    }
    finish()
  }

  test.each<[string, Case]>([
    [
      'a small weight, summed in parts of the images',
      { x: [9, 18, 20, 8], kernel: [3, 3, 16], pad: [1, 1, 1, 1] },
    ],
    [
      'the same with other taps, in groups',
      { x: [7, 61, 59, 6], kernel: [5, 3, 14], stride: [1, 2], pad: [2, 0, 1, 2], groups: 2 },
    ],
    ['LeNet, first layer', { x: [3, 14, 14, 1], kernel: [5, 5, 6], pad: [2, 2, 2, 2] }],
    ['LeNet, second layer', { x: [2, 14, 14, 6], kernel: [5, 5, 16] }],
    ['pointwise', { x: [2, 5, 7, 9], kernel: [1, 1, 11] }],
    ['pointwise, strided', { x: [2, 7, 8, 5], kernel: [1, 1, 10], stride: [2, 2] }],
    ['pointwise, grouped', { x: [2, 5, 6, 8], kernel: [1, 1, 12], groups: 4 }],
    ['pointwise, padded', { x: [1, 3, 4, 5], kernel: [1, 1, 6], pad: [1, 2, 2, 1] }],
    ['pointwise, cropped', { x: [1, 6, 7, 5], kernel: [1, 1, 6], pad: [-1, -2, -1, -1] }],
    ['same size', { x: [2, 7, 7, 16], kernel: [3, 3, 24], pad: [1, 1, 1, 1] }],
    ['2 x 2 tiles', { x: [2, 12, 10, 8], kernel: [3, 3, 12], pad: [1, 1, 1, 1] }],
    ['2 x 2 tiles, odd edges', { x: [3, 9, 11, 16], kernel: [3, 3, 8], pad: [1, 1, 1, 1] }],
    ['2 x 2 tiles, several blocks', { x: [4, 33, 27, 8], kernel: [3, 3, 20] }],
    [
      '2 x 2 tiles, grouped, uneven padding',
      { x: [2, 9, 9, 24], kernel: [3, 3, 32], pad: [2, 0, 1, 3], groups: 2 },
    ],
    ['2 x 2 tiles, cropped', { x: [2, 14, 13, 8], kernel: [3, 3, 8], pad: [-1, -2, -1, 0] }],
    ['stem', { x: [1, 23, 21, 3], kernel: [7, 7, 16], stride: [2, 2], pad: [3, 3, 3, 3] }],
    ['grouped', { x: [2, 6, 6, 12], kernel: [3, 3, 18], pad: [1, 1, 1, 1], groups: 3 }],
    [
      'grouped and dilated',
      { x: [1, 9, 9, 8], kernel: [3, 3, 8], dilation: [2, 2], pad: [2, 2, 2, 2], groups: 2 },
    ],
    ['depthwise', { x: [2, 6, 7, 23], kernel: [3, 3, 23], pad: [1, 1, 1, 1], groups: 23 }],
    [
      'depthwise, strided',
      { x: [2, 8, 9, 20], kernel: [3, 3, 20], stride: [2, 2], pad: [1, 1, 0, 1], groups: 20 },
    ],
    [
      'depthwise, dilated',
      { x: [1, 9, 9, 5], kernel: [3, 5, 5], dilation: [2, 1], pad: [2, 2, 2, 2], groups: 5 },
    ],
    ['depthwise, pointwise', { x: [1, 3, 3, 6], kernel: [1, 1, 6], groups: 6 }],
    [
      'depthwise, twice the channels',
      { x: [1, 5, 5, 4], kernel: [3, 3, 8], pad: [1, 1, 1, 1], groups: 4 },
    ],
    [
      'stride beyond the kernel',
      { x: [2, 9, 11, 3], kernel: [2, 1, 4], stride: [3, 4], pad: [1, 0, 0, 0] },
    ],
    [
      'stride and dilation share a factor',
      { x: [1, 13, 12, 2], kernel: [3, 4, 3], stride: [4, 2], dilation: [2, 4], pad: [3, 5, 4, 6] },
    ],
    ['window as large as the image', { x: [3, 4, 5, 6], kernel: [4, 5, 7] }],
    ['mostly padding', { x: [1, 1, 2, 3], kernel: [3, 3, 4], pad: [4, 5, 3, 4] }],
    ['one row', { x: [1, 1, 40, 3], kernel: [1, 5, 9], pad: [0, 2, 0, 2] }],
    [
      'runs longer than a block of depth',
      { x: [1, 4, 4, 131], kernel: [2, 3, 9], pad: [1, 1, 0, 1] },
    ],
    [
      'channels longer than a block of depth',
      { x: [1, 3, 3, 300], kernel: [2, 2, 9], dilation: [1, 2] },
    ],
    ['more output channels than a block', { x: [1, 3, 5, 3], kernel: [2, 2, 270] }],
    ['many small images', { x: [70, 3, 2, 4], kernel: [3, 3, 5], pad: [1, 1, 1, 1] }],
    ['more output rows than the table', { x: [1, 1100, 2, 2], kernel: [3, 2, 3] }],
    [
      'a row longer than a block of windows',
      { x: [1, 3, 1100, 2], kernel: [3, 3, 3], pad: [1, 1, 1, 1] },
    ],
    [
      'more padded rows than the buffer',
      { x: [3, 70, 90, 17], kernel: [3, 3, 2], pad: [1, 1, 1, 1] },
    ],
    [
      'a padded row longer than the buffer',
      { x: [1, 3, 1100, 120], kernel: [3, 1, 1], pad: [1, 0, 1, 0] },
    ],
  ])('%s', (_, c) => check(c))

  test('geometries at random', () => {
    const next = generator(7)
    const pick = (low: number, high: number) => low + Math.floor(next() * (high - low + 1))
    for (let i = 0; i < 250; i++) {
      const groups = pick(1, 3)
      const [cg, kg] = [pick(1, 5), pick(1, 10)]
      const dilation = [pick(1, 3), pick(1, 3)] as const
      const [r, s] = [pick(1, 4), pick(1, 4)]
      const pad = [pick(-1, 3), pick(-1, 3), pick(0, 3), pick(0, 3)] as const
      const h = Math.max(1, (r - 1) * dilation[0] + 1 - pad[0] - pad[2]) + pick(0, 7)
      const w = Math.max(1, (s - 1) * dilation[1] + 1 - pad[1] - pad[3]) + pick(0, 7)
      const stride = [pick(1, 4), pick(1, 3)] as const
      check({
        x: [pick(1, 3), h, w, groups * cg],
        kernel: [r, s, groups * kg],
        stride,
        pad,
        dilation,
        groups,
      })
    }
  })

  test('nothing to do, or nothing to sum', () => {
    const same = { kernel: [3, 3, 4], pad: [1, 1, 1, 1] } as const
    check({ x: [0, 5, 5, 3], ...same })
    check({ x: [2, 5, 5, 0], ...same })
    check({ x: [2, 5, 5, 3], kernel: [3, 3, 0] })
    check({ x: [2, 2, 5, 3], kernel: [3, 3, 4] })
  })

  test('NaN and infinity reach what they should, and 0 times infinity is NaN', () => {
    for (const groups of [1, 4])
      check(
        { x: [1, 5, 5, 4], kernel: [3, 3, 8 / (groups === 4 ? 2 : 1)], groups },
        (x, weight, dy) => {
          weight[0] = 0
          x[0] = Infinity
          x[29] = NaN
          dy[3] = -Infinity
        },
      )
  })

  test('the gradient for the weight is the same every time', () => {
    const next = generator(11)
    const p = problem({ x: [4, 17, 19, 7], kernel: [3, 3, 10], pad: [1, 1, 1, 1] })
    const x = Array.from({ length: volume(p.shapes.x) }, next)
    const dy = Array.from({ length: volume(p.shapes.y) }, next)
    const runs = [1, 2].map(() => {
      const dw = empty(p.shapes.weight)
      kernels.conv2dGradWeight(view(p.shapes.x, x), view(p.shapes.y, dy), dw, p.geometry)
      return read(dw)
    })
    expect(runs[0]).toEqual(runs[1])
    finish()
  })
})
