import { digits } from '@nablajs/data'
import { Generator, reference, setDevice } from '@nablajs/tensor'
import { beforeAll, expect, test } from 'vitest'
import { distort } from './distort.ts'

beforeAll(() => setDevice(reference()))

const data = digits('test')
const values = (set: typeof data): number[] => Array.from(set.columns.image.data)

test('originals come first, then copies with the same labels', async () => {
  const more = await distort(data, 2, new Generator(1))
  expect(more.length).toBe(3 * data.length)
  expect(values(more).slice(0, 64)).toEqual(
    values(data)
      .slice(0, 64)
      .map((ink) => ink / 16),
  )
  for (const index of [5, 5 + data.length, 5 + 2 * data.length])
    expect(more.get(index).label.data).toEqual(data.get(5).label.data)
  expect(values(more).every((ink) => ink >= 0 && ink <= 1)).toBe(true)
})

test('copies differ from each other, and are near their original', async () => {
  const more = await distort(data, 2, new Generator(1))
  const ink = (index: number): number[] => Array.from(more.get(index).image.data)
  const sum = (list: number[]): number => list.reduce((total, value) => total + value, 0)
  expect(ink(data.length)).not.toEqual(ink(2 * data.length))
  expect(sum(ink(data.length)) / sum(ink(0))).toBeCloseTo(1, 0)
})

test('the same generator state gives the same copies', async () => {
  const copies = (seed: number) => distort(data, 1, new Generator(seed)).then(values)
  const [a, b, c] = await Promise.all([1, 1, 2].map(copies))
  expect(b).toEqual(a)
  expect(c).not.toEqual(a)
})

test('without copies the data stays as it is', async () => {
  expect(await distort(data, 0, new Generator(1))).toBe(data)
})
