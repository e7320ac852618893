import { beforeAll, expect, it } from 'vitest'
import {
  arange,
  bincount,
  diag,
  fold,
  gather,
  meshgrid,
  pad,
  pixelShuffle,
  reference,
  repeatInterleave,
  roll,
  rot90,
  searchsorted,
  setDevice,
  split,
  tensor,
  tile,
  tril,
  unfold,
} from '../index.ts'

beforeAll(() => setDevice(reference()))

const x = () =>
  tensor([
    [1, 2, 3],
    [4, 5, 6],
  ])
const i32 = (values: number[]) => tensor(values, { dtype: 'i32' })

it('pads in every mode', () => {
  const row = () => tensor([1, 2, 3])
  const padded = (options: Parameters<typeof pad>[2]) =>
    Array.from(pad(row(), [[2, 1]], options).dataSync())
  expect(padded({ value: 9 })).toEqual([9, 9, 1, 2, 3, 9])
  expect(padded({ mode: 'reflect' })).toEqual([3, 2, 1, 2, 3, 2])
  expect(padded({ mode: 'replicate' })).toEqual([1, 1, 1, 2, 3, 3])
  expect(padded({ mode: 'circular' })).toEqual([2, 3, 1, 2, 3, 1])
  expect(() => pad(row(), [[3, 0]], { mode: 'reflect' })).toThrow(
    "pad: [3, 0] in mode 'reflect' on axis 0 of [3]; it can be 2 at most",
  )
})

it('cuts off what a negative pad says', () => {
  expect(Array.from(pad(tensor([1, 2, 3]), [[-1, 2]]).dataSync())).toEqual([2, 3, 0, 0])
  expect(() => pad(tensor([1, 2]), [[-2, -1]])).toThrow(
    'pad: [-2, -1] cuts more than axis 0 of [2]',
  )
  expect(() => pad(tensor([1, 2]), [])).toThrow('pad: [] must be one pair of whole numbers')
})

it('repeats, rolls and turns', () => {
  expect(tile(tensor([1, 2]), [2, 2]).toArraySync()).toEqual([
    [1, 2, 1, 2],
    [1, 2, 1, 2],
  ])
  expect(repeatInterleave(x(), [2, 0, 1], 1).toArraySync()).toEqual([
    [1, 1, 3],
    [4, 4, 6],
  ])
  expect(roll(x(), 1).toArraySync()).toEqual([
    [6, 1, 2],
    [3, 4, 5],
  ])
  expect(roll(x(), -1, 1).toArraySync()).toEqual([
    [2, 3, 1],
    [5, 6, 4],
  ])
  expect(rot90(x()).toArraySync()).toEqual([
    [3, 6],
    [2, 5],
    [1, 4],
  ])
  expect(() => roll(x(), [1, 2], 0)).toThrow('roll: 2 shifts for 1 axes')
  expect(() => repeatInterleave(x(), [1], 1)).toThrow(
    'repeatInterleave: 1 counts for axis 1 of [2, 3]',
  )
})

it('splits and says which sizes do not fit', () => {
  expect(split(x(), 2, 1).map((part) => part.shape)).toEqual([
    [2, 2],
    [2, 1],
  ])
  expect(() => split(x(), [1, 3], 1)).toThrow(
    'split: sizes [1, 3] do not add up to axis 1 of [2, 3]',
  )
})

it('takes triangles and diagonals', () => {
  expect(tril(x()).toArraySync()).toEqual([
    [1, 0, 0],
    [4, 5, 0],
  ])
  expect(diag(x(), 1).toArraySync()).toEqual([2, 6])
  expect(diag(tensor([1, 2]), -1).toArraySync()).toEqual([
    [0, 0, 0],
    [1, 0, 0],
    [0, 2, 0],
  ])
  expect(() => tril(tensor([1]))).toThrow('tril: [1]: a matrix has two axes')
})

it('meshgrid swaps the first two axes for images', () => {
  const [a, b] = meshgrid([tensor([1, 2]), tensor([3, 4, 5])], { indexing: 'xy' })
  expect(a!.toArraySync()).toEqual([
    [1, 2],
    [1, 2],
    [1, 2],
  ])
  expect(b!.toArraySync()).toEqual([
    [3, 3],
    [4, 4],
    [5, 5],
  ])
})

it('makes pixels of channels', () => {
  const y = pixelShuffle(arange(4).reshape([1, 1, 1, 4]), 2)
  expect(y.reshape([2, 2]).toArraySync()).toEqual([
    [0, 1],
    [2, 3],
  ])
  expect(() => pixelShuffle(y, 2)).toThrow(
    'pixelShuffle: [1, 2, 2, 1]: images are [N, H, W, C], with C a multiple of 2²',
  )
})

it('fold adds up what unfold took apart', () => {
  const image = arange(1, 10).reshape([1, 3, 3, 1])
  const windows = unfold(image, 2)
  expect(windows.shape).toEqual([1, 2, 2, 2, 2, 1])
  expect(Array.from(windows.slice(0, 1, 0).dataSync())).toEqual([4, 5, 7, 8])
  expect(fold(windows, [3, 3]).reshape([3, 3]).toArraySync()).toEqual([
    [1, 4, 3],
    [8, 20, 12],
    [7, 16, 9],
  ])
  expect(() => fold(windows, [4, 3])).toThrow('fold: [1, 2, 2, 2, 2, 1] for an image of 4 x 3')
  expect(() => unfold(image, 4)).toThrow('unfold: a window of 4 x 4 does not fit an image of 3 x 3')
})

it('finds places, counts, and takes an index that is smaller', () => {
  const places = searchsorted(tensor([1, 3, 3, 5]), tensor([0, 3, 6]), { right: true })
  expect(Array.from(places.dataSync())).toEqual([0, 3, 4])
  expect(Array.from(bincount(i32([1, 1, 3]), 5).dataSync())).toEqual([0, 2, 0, 1, 0])
  expect(gather(x(), 1, i32([2, 0]).reshape([1, 2])).toArraySync()).toEqual([[3, 1]])
})
