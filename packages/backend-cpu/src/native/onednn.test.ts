/** Convolutions by oneDNN against plain loops in float64. */
import { type ConvGeometry, sizeOf } from '@nablajs/tensor/backend'
import { describe, expect, test } from 'vitest'
import { difference, whole } from '../../test/kernels.ts'
import { open } from '../../test/native.ts'

const here = await open()
const oneDnn = typeof here.native.oneDnn === 'string' ? here.native.oneDnn : undefined

interface Case {
  readonly x: readonly [n: number, h: number, w: number, c: number]
  readonly kernel: readonly [r: number, s: number, k: number]
  readonly stride?: readonly [number, number]
  readonly pad?: readonly [top: number, left: number, bottom: number, right: number]
  readonly dilation?: readonly [number, number]
  readonly groups?: number
}

const cases: readonly Case[] = [
  { x: [2, 7, 6, 3], kernel: [3, 3, 5], pad: [1, 1, 1, 1] },
  { x: [1, 9, 9, 16], kernel: [3, 3, 16], pad: [1, 1, 1, 1] },
  { x: [2, 8, 8, 32], kernel: [3, 3, 24], pad: [1, 1, 1, 1] },
  { x: [2, 9, 8, 4], kernel: [3, 3, 8], stride: [2, 2], pad: [1, 1, 1, 1] },
  { x: [1, 12, 11, 3], kernel: [5, 4, 6], stride: [3, 2], pad: [2, 1, 0, 3] },
  { x: [2, 6, 5, 8], kernel: [1, 1, 7] },
  { x: [2, 6, 5, 8], kernel: [1, 1, 7], stride: [2, 2] },
  { x: [1, 14, 12, 6], kernel: [3, 3, 4], dilation: [2, 3], pad: [2, 3, 2, 3] },
  { x: [2, 7, 7, 8], kernel: [3, 3, 12], groups: 4, pad: [1, 1, 1, 1] },
  { x: [2, 7, 7, 8], kernel: [3, 3, 8], groups: 8, pad: [1, 1, 1, 1] },
  { x: [3, 5, 1, 2], kernel: [5, 1, 3] },
]

function shapesOf({ x, kernel, stride = [1, 1], pad = [0, 0, 0, 0], ...rest }: Case) {
  const { dilation = [1, 1], groups = 1 } = rest
  const [n, h, w, c] = x
  const [r, s, k] = kernel
  const out = (size: number, pads: number, taps: number, axis: 0 | 1) =>
    Math.floor((size + pads - dilation[axis] * (taps - 1) - 1) / stride[axis]) + 1
  const oh = out(h, pad[0] + pad[2], r, 0)
  const ow = out(w, pad[1] + pad[3], s, 1)
  const geometry: ConvGeometry = { stride, padding: [pad[0], pad[1]], dilation, groups }
  return { geometry, x: [...x], weight: [r, s, c / groups, k], y: [n, oh, ow, k] }
}

type Shapes = ReturnType<typeof shapesOf>

/** Calls `visit` with flat indices of x, weight and y for each product of the convolution. */
function products(p: Shapes, visit: (x: number, weight: number, y: number) => void): void {
  const [n, h, w, c] = p.x as [number, number, number, number]
  const [r, s, cg, k] = p.weight as [number, number, number, number]
  const [, oh, ow] = p.y as [number, number, number, number]
  const { stride, padding, dilation, groups } = p.geometry
  for (let at = 0; at < n * oh * ow * r * s * cg * k; at++) {
    let rest = at
    const next = (extent: number) => {
      const index = rest % extent
      rest = Math.floor(rest / extent)
      return index
    }
    const [o, q, j, i, v, u, image] = [
      next(k),
      next(cg),
      next(s),
      next(r),
      next(ow),
      next(oh),
      rest,
    ]
    const row = u! * stride[0] - padding[0] + i! * dilation[0]
    const column = v! * stride[1] - padding[1] + j! * dilation[1]
    if (row < 0 || row >= h || column < 0 || column >= w) continue
    const channel = Math.floor(o! / (k / groups)) * cg + q!
    visit(
      ((image! * h + row) * w + column) * c + channel,
      ((i! * s + j!) * cg + q!) * k + o!,
      ((image! * oh + u!) * ow + v!) * k + o!,
    )
  }
}

describe.skipIf(oneDnn !== undefined)(
  `convolutions by oneDNN${oneDnn ? ` (${oneDnn})` : ''}`,
  () => {
    test.each(cases)('%o', (own) => {
      const { kernels, view, read, missed, forget } = here
      const shapes = shapesOf(own)
      const { geometry } = shapes
      const data = {
        x: whole(sizeOf(shapes.x), 1),
        weight: whole(sizeOf(shapes.weight), 2),
        y: whole(sizeOf(shapes.y), 3),
      }
      const expected = {
        x: data.x.map(() => 0),
        weight: data.weight.map(() => 0),
        y: data.y.map(() => 0),
      }
      products(shapes, (x, weight, y) => {
        expected.y[y]! += data.x[x]! * data.weight[weight]!
        expected.x[x]! += data.y[y]! * data.weight[weight]!
        expected.weight[weight]! += data.x[x]! * data.y[y]!
      })
      // Twice: the second time with plans that exist, at other addresses.
      for (let round = 0; round < 2; round++) {
        const x = view(shapes.x, data.x)
        const weight = view(shapes.weight, data.weight)
        const dy = view(shapes.y, data.y)
        const [y, dx, dw] = [view(shapes.y), view(shapes.x), view(shapes.weight)]
        kernels.conv2d(x, weight, y, geometry)
        kernels.conv2dGradInput(dy, weight, dx, geometry)
        kernels.conv2dGradWeight(x, dy, dw, geometry)
        expect(missed).toEqual([])
        expect(difference(read(y), expected.y), 'y').toBeUndefined()
        expect(difference(read(dx), expected.x), 'dx').toBeUndefined()
        expect(difference(read(dw), expected.weight), 'dw').toBeUndefined()
      }
      forget()
    })

    test('plans beyond those that are kept are made again', async () => {
      const device = await open()
      const sizes = Array.from({ length: 300 }, (_, i) => i + 1)
      for (const width of [...sizes, 1, 2]) {
        const x = device.view([1, 1, width, 1], whole(width, width))
        const weight = device.view([1, 1, 1, 1], [3])
        const y = device.view([1, 1, width, 1])
        const geometry: ConvGeometry = {
          stride: [1, 1],
          padding: [0, 0],
          dilation: [1, 1],
          groups: 1,
        }
        device.kernels.conv2d(x, weight, y, geometry)
        expect(device.read(y)).toEqual(whole(width, width).map((v) => 3 * v + 0))
        device.forget()
      }
      device.native.dispose()
    })
  },
)
