// The loops of the documentation, as a user types them.
import { linspace, reference, setDevice } from '@nablajs/tensor'
import { expect, test } from 'vitest'
import { DataLoader, type Dataset, digits, TensorDataset } from '../src/index.ts'

setDevice(reference())

test('digits', async () => {
  let count = 0
  const loader = new DataLoader(digits('train'), { batchSize: 64, shuffle: true, seed: 1 })
  for await (const { image, label } of loader) {
    expect(image.shape).toEqual([label.shape[0], 8, 8, 1])
    count += label.size
  }
  expect([count, loader.length]).toEqual([1500, 24])
})

test('tensors, and a dataset of plain values', () => {
  const line = new TensorDataset({ x: linspace(0, 1, 100), y: linspace(1, 3, 100) })
  for (const { x, y } of new DataLoader(line, { batchSize: 20, shuffle: true }))
    expect([x.shape, y.shape]).toEqual([[20], [20]])
  const parity: Dataset<{ x: number; odd: boolean }> = {
    length: 100,
    get: (i) => ({ x: i, odd: i % 2 === 1 }),
  }
  for (const { x, odd } of new DataLoader(parity, { batchSize: 10 }))
    expect([x.dtype, odd.dtype, odd.shape]).toEqual(['f32', 'bool', [10]])
})
