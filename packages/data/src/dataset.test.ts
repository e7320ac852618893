import { reference, setDevice, tensor } from '@nablajs/tensor'
import { beforeAll, expect, test } from 'vitest'
import { ArrayDataset, type Column } from './array-dataset.ts'
import { collate } from './collate.ts'
import { TensorDataset } from './tensor-dataset.ts'

beforeAll(() => setDevice(reference()))

test('a column of bytes becomes what its dtype says', () => {
  const data = new ArrayDataset({
    image: { shape: [2, 1], dtype: 'f32', data: Uint8Array.of(0, 255, 51, 102), divisor: 255 },
    ok: { shape: [], dtype: 'bool', data: [1, 0] },
  })
  expect(data.length).toBe(2)
  expect(data.get(1)).toEqual({
    image: { dtype: 'f32', shape: [2, 1], data: Float32Array.of(0.2, 0.4) },
    ok: { dtype: 'bool', shape: [], data: Uint32Array.of(0) },
  })
  const { image, ok } = data.batch([1, 0, 1])
  expect([image.shape, ok.dtype, ok.toArraySync()]).toEqual([[3, 2, 1], 'bool', [0, 1, 0]])
  expect([...image.dataSync()]).toEqual([0.2, 0.4, 0, 1, 0.2, 0.4].map(Math.fround))
})

const column = { shape: [2], dtype: 'f32', data: [1, 2, 3, 4] } as const

test.each([
  [{}, 'ArrayDataset: there are no columns'],
  [
    { a: { ...column, data: [1, 2, 3] } },
    'ArrayDataset: a has 3 values, which are no whole number of',
  ],
  [
    { a: { ...column, shape: [0] } },
    'ArrayDataset: a has the shape [0]; sizes are whole numbers > 0',
  ],
  [{ a: { ...column, divisor: 0 } }, 'ArrayDataset: a has the divisor 0; it must not be 0'],
  [{ a: column, b: { ...column, shape: [1] } }, 'ArrayDataset: a has 2 samples, but b has 4'],
])('columns %j are refused', (columns, message) => {
  expect(() => new ArrayDataset(columns as Record<string, Column>)).toThrow(message)
})

test('samples that are not there are refused', () => {
  const data = new ArrayDataset({ a: column })
  expect(() => data.get(2)).toThrow('ArrayDataset: there is no sample 2; there are 0 .. 1')
  expect(() => data.batch([0, -1])).toThrow('ArrayDataset: there is no sample -1')
  const tensors = new TensorDataset({ a: tensor([1, 2]) })
  expect(() => tensors.batch([0.5])).toThrow('TensorDataset: there is no sample 0.5')
})

test('tensors of different lengths are refused', () => {
  expect(() => new TensorDataset({ a: tensor([1, 2]), b: tensor([[1]]) })).toThrow(
    'TensorDataset: a is [2] and b is [1, 1]; their first axes must be equal',
  )
  expect(() => new TensorDataset({ a: tensor(1) })).toThrow('TensorDataset: a is []')
  expect(() => new TensorDataset({})).toThrow('TensorDataset: there are no tensors')
})

test.each([
  [
    [{ a: tensor1([1]) }, { a: tensor1([1, 2]) }],
    /a: the first sample .* f32 \[1\], but number 1 is f32 \[2\]/,
  ],
  [[[1], [1, 2]], 'the samples are arrays of different lengths'],
  [[{ a: { b: [null] } }], 'a.b[0] has values of the kind null, or of several kinds'],
  [[1, 'x'], 'the samples are values of the kind number, or of several kinds'],
  [[], 'collate: there are no samples'],
])('samples %j do not make a batch', (samples, message) => {
  expect(() => collate(samples as unknown[])).toThrow(message)
})

function tensor1(data: number[]): object {
  return { dtype: 'f32', shape: [data.length], data: Float32Array.from(data) }
}
