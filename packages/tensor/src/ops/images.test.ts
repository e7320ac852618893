import { beforeAll, expect, it } from 'vitest'
import {
  adaptiveAvgPool2d,
  adaptiveMaxPool2dWithIndices,
  affineGrid,
  arange,
  conv1d,
  conv3d,
  convTranspose2d,
  gridSample,
  interpolate,
  localResponseNorm,
  lpPool2d,
  maxPool1d,
  ones,
  reference,
  setDevice,
  tensor,
} from '../index.ts'

beforeAll(() => setDevice(reference()))

const list = (t: { dataSync(): ArrayLike<number> }) => Array.from(t.dataSync())
const row = (...values: number[]) => tensor(values).reshape([1, values.length, 1])
const image = (h: number, w: number) =>
  arange(h * w, undefined, 1, { dtype: 'f32' }).reshape([1, h, w, 1])

it('interpolates between the pixels around', () => {
  const x = row(0, 3, 6)
  expect(list(interpolate(x, { size: 6 }))).toEqual([0, 0, 3, 3, 6, 6])
  expect(list(interpolate(x, { size: 5, mode: 'linear', alignCorners: true }))).toEqual([
    0, 1.5, 3, 4.5, 6,
  ])
  expect(list(interpolate(x, { scaleFactor: 2, mode: 'linear' }))).toEqual([
    0, 0.75, 2.25, 3.75, 5.25, 6,
  ])
  expect(list(interpolate(row(1, 2, 3, Infinity), { size: 3, mode: 'area' }))).toEqual([
    1.5,
    2.5,
    Infinity,
  ])
})

it('says what interpolate needs', () => {
  expect(() => interpolate(row(1), {})).toThrow('interpolate: give either size or scaleFactor')
  expect(() => interpolate(row(1), { size: 2, mode: 'bicubic' })).toThrow(
    "interpolate: [1, 1, 1] in mode 'bicubic', which takes [N, 2 axes, C]",
  )
  expect(() => interpolate(image(2, 2), { size: [2] })).toThrow('it must be 2 numbers > 0')
  expect(() => interpolate(row(1), { size: 2, antialias: true })).toThrow(
    "antialias in mode 'nearest'",
  )
})

it('an affine grid of the identity gives the image back, and x counts first', () => {
  const x = image(2, 3)
  const grid = (...theta: number[]) => affineGrid(tensor(theta).reshape([1, 2, 3]), [2, 3])
  expect(list(gridSample(x, grid(1, 0, 0, 0, 1, 0))).map((v) => Math.round(v * 1e5) / 1e5)).toEqual(
    list(x),
  )
  // One pixel of three to the right; what is beyond is 0.
  const moved = gridSample(x, grid(1, 0, 2 / 3, 0, 1, 0))
  expect(list(moved).map((v) => Math.round(v * 1e5) / 1e5)).toEqual([1, 2, 0, 4, 5, 0])
  expect(() => gridSample(x, x)).toThrow('gridSample: [1, 2, 3, 1] at [1, 2, 3, 1]: images are')
  expect(() => affineGrid(x, [2, 2])).toThrow('affineGrid: [1, 2, 3, 1] for [2, 2]')
})

it('adaptive windows overlap where they must', () => {
  expect(list(adaptiveAvgPool2d(image(1, 5), [1, 3]))).toEqual([0.5, 2, 3.5])
  const { values, indices } = adaptiveMaxPool2dWithIndices(image(3, 3), 2)
  expect(list(values)).toEqual([4, 5, 7, 8])
  expect(list(indices)).toEqual([4, 5, 7, 8])
  expect(() => adaptiveAvgPool2d(row(1), 1)).toThrow('adaptiveAvgPool2d: [1, 1, 1] to 1 x 1')
})

it('pools sequences and powers', () => {
  expect(list(maxPool1d(row(1, 4, 2, 3), 2))).toEqual([4, 3])
  expect(
    list(
      lpPool2d(
        tensor([
          [3, 4],
          [0, 0],
        ]).reshape([1, 2, 2, 1]),
        2,
        2,
      ),
    ),
  ).toEqual([5])
  expect(() => maxPool1d(tensor([1]), 1)).toThrow('maxPool1d: [1]: sequences are [N, L, C]')
})

it('normalizes over neighboring channels, alpha divided by their number', () => {
  const y = localResponseNorm(tensor([1, 2, 3], { dtype: 'f64' }), 2, { alpha: 2, beta: 1, k: 1 })
  expect(list(y)).toEqual([1 / 2, 2 / 6, 3 / 14])
})

it('convolves sequences and volumes', () => {
  const weight = tensor([1, 10]).reshape([2, 1, 1])
  expect(list(conv1d(row(1, 2, 3), weight, tensor([100])))).toEqual([121, 132])
  expect(
    list(conv3d(ones([1, 3, 2, 2, 1]), ones([2, 2, 2, 1, 1]), undefined, { padding: 'valid' })),
  ).toEqual([8, 8])
  expect(() => conv1d(row(1), tensor([1]))).toThrow(
    'conv1d: [1, 1, 1] with weight [1]: sequences are',
  )
  expect(() => conv3d(ones([1, 1, 2, 2, 1]), ones([2, 2, 2, 1, 1]))).toThrow(
    'the kernel spans 2 layers of 1',
  )
})

it('a transposed convolution writes windows', () => {
  const x = tensor([1, 2]).reshape([1, 1, 2, 1])
  const weight = tensor([1, 10, 100]).reshape([1, 3, 1, 1])
  expect(list(convTranspose2d(x, weight, undefined, { stride: [1, 2] }))).toEqual([
    1, 10, 102, 20, 200,
  ])
  expect(() => convTranspose2d(x, weight, undefined, { outputPadding: 1 })).toThrow(
    'convTranspose2d: outputPadding 1 must be smaller than stride 1 or dilation 1',
  )
  expect(() => convTranspose2d(x, weight, undefined, { groups: 2 })).toThrow('K = 1 must be')
})
