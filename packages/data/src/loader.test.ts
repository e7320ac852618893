import {
  dispose,
  keep,
  manualSeed,
  reference,
  scope,
  setDevice,
  type Tensor,
  tensor,
} from '@nablajs/tensor'
import { beforeEach, expect, test } from 'vitest'
import { ArrayDataset } from './array-dataset.ts'
import type { Dataset } from './dataset.ts'
import { DataLoader, type DataLoaderState } from './loader.ts'
import { RandomSampler, SequentialSampler } from './sampler.ts'
import { TensorDataset } from './tensor-dataset.ts'

let device: ReturnType<typeof reference>

beforeEach(() => {
  device = reference()
  setDevice(device)
})

const numbers = (length: number) =>
  new ArrayDataset({
    x: { shape: [2], dtype: 'f32', data: Float32Array.from({ length: 2 * length }, (_, i) => i) },
    label: { shape: [], dtype: 'i32', data: Array.from({ length }, (_, i) => i) },
  })

const labels = (batch: { label: Tensor }): number[] => [...batch.label.dataSync()]

function walk(loader: Iterable<{ label: Tensor }>): number[][] {
  const seen: number[][] = []
  for (const batch of loader) seen.push(labels(batch))
  return seen
}

test('batches are stacked in order, the last one may be smaller', async () => {
  const loader = new DataLoader(numbers(5), { batchSize: 2 })
  expect(loader.length).toBe(3)
  const seen: unknown[] = []
  for await (const { x, label } of loader)
    seen.push([x.toArraySync(), label.dtype, labels({ label })])
  expect(seen).toEqual([
    [
      [
        [0, 1],
        [2, 3],
      ],
      'i32',
      [0, 1],
    ],
    [
      [
        [4, 5],
        [6, 7],
      ],
      'i32',
      [2, 3],
    ],
    [[[8, 9]], 'i32', [4]],
  ])
})

test('dropLast leaves the rest out', () => {
  const loader = new DataLoader(numbers(5), { batchSize: 2, dropLast: true })
  expect(loader.length).toBe(2)
  expect(walk(loader)).toEqual([
    [0, 1],
    [2, 3],
  ])
})

test('an empty epoch is no error', () => {
  const loader = new DataLoader(numbers(1), { batchSize: 2, dropLast: true })
  expect([walk(loader), walk(loader), loader.length]).toEqual([[], [], 0])
})

test('shuffle gives a new order in each epoch, which follows from the seed', () => {
  const make = (seed: number) => new DataLoader(numbers(20), { batchSize: 8, shuffle: true, seed })
  const [a, b, c] = [make(1), make(1), make(2)]
  const first = walk(a)
  expect(first.map((batch) => batch.length)).toEqual([8, 8, 4])
  expect(first.flat().sort((p, q) => p - q)).toEqual(Array.from({ length: 20 }, (_, i) => i))
  expect(walk(b)).toEqual(first)
  expect(walk(c)).not.toEqual(first)
  const second = walk(a)
  expect(second).not.toEqual(first)
  expect(walk(b)).toEqual(second)
})

test('without a seed the order follows manualSeed', () => {
  manualSeed(5)
  const loader = new DataLoader(numbers(20), { shuffle: true })
  expect(walk(loader)).toEqual(
    walk(new DataLoader(numbers(20), { sampler: new RandomSampler(20, { seed: 5 }) })),
  )
  manualSeed(0)
})

test('a state resumes at the exact batch, through JSON', () => {
  const make = () => new DataLoader(numbers(10), { batchSize: 3, shuffle: true, seed: 9 })
  const whole = make()
  const states: DataLoaderState[] = [whole.state]
  const seen: number[][] = []
  for (let e = 0; e < 3; e++)
    for (const batch of whole) {
      seen.push(labels(batch))
      states.push(whole.state)
    }
  expect(states.slice(0, 6)).toEqual([
    { epoch: 0, batch: 0 },
    { epoch: 0, batch: 1 },
    { epoch: 0, batch: 2 },
    { epoch: 0, batch: 3 },
    { epoch: 1, batch: 0 },
    { epoch: 1, batch: 1 },
  ])
  states.forEach((state, done) => {
    const loader = make()
    loader.loadState(JSON.parse(JSON.stringify(state)))
    expect(loader.state).toEqual(state)
    const rest: number[][] = []
    while (loader.state.epoch < 3) rest.push(...walk(loader))
    expect(rest).toEqual(seen.slice(done))
  })
})

test('a loop that was left starts over with the next epoch', () => {
  const loader = new DataLoader(numbers(4))
  for (const _ of loader) if (loader.state.batch === 2) break
  expect(loader.state).toEqual({ epoch: 0, batch: 2 })
  expect(walk(loader)).toHaveLength(4)
  expect(loader.state).toEqual({ epoch: 2, batch: 0 })
})

test('a batch is freed when the next is asked for, unless it is kept', async () => {
  for (const form of ['sync', 'async']) {
    const before = device.memory().buffers
    const seen: Tensor[] = []
    const visit = (label: Tensor): void => {
      expect(seen.at(-1)?.disposed ?? true).toBe(true)
      expect(device.memory().buffers).toBe(before + 2)
      seen.push(label)
    }
    const loader = new DataLoader(numbers(4))
    if (form === 'sync') for (const { label } of loader) visit(label)
    else for await (const { label } of loader) visit(label)
    expect(device.memory().buffers).toBe(before)

    for await (const { label } of loader) if (labels({ label })[0] === 1) seen.push(keep(label))
    expect(seen.pop()!.dataSync()[0]).toBe(1)
  }
})

test('a break, an error and a surrounding scope leave nothing behind', () => {
  const before = device.memory().buffers
  const loader = new DataLoader(numbers(4))
  for (const _ of loader) break
  expect(() => {
    for (const _ of loader) throw new Error('stop')
  }).toThrow('stop')
  scope(() => {
    for (const { x } of loader) x.add(1)
  })
  expect(device.memory().buffers).toBe(before)
})

test('a batch outlives a scope in the loop, and what the graph saved outlives the batch', () => {
  const w = tensor([1, 2], { requiresGrad: true })
  let loss: Tensor | undefined
  for (const { x } of new DataLoader(numbers(1))) {
    scope(() => x.add(1))
    loss = x.mul(w).sum()
  }
  loss!.backward()
  expect([...w.grad!.dataSync()]).toEqual([0, 1])
})

test('TensorDataset picks rows on the device', () => {
  const before = device.memory().buffers
  const data = new TensorDataset({
    x: tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]),
    label: tensor(Int32Array.of(7, 8, 9)),
  })
  const sampler = { length: 3, indices: () => [2, 0, 1] }
  const seen: unknown[] = []
  for (const { x, label } of new DataLoader(data, { batchSize: 2, sampler }))
    seen.push([x.toArraySync(), label.dtype, labels({ label })])
  expect(seen).toEqual([
    [
      [
        [5, 6],
        [1, 2],
      ],
      'i32',
      [9, 7],
    ],
    [[[3, 4]], 'i32', [8]],
  ])
  expect(device.memory().buffers).toBe(before + 2)
  expect(data.get(1).x.toArraySync()).toEqual([3, 4])
  dispose(data.tensors)
})

test('samples one by one are collated, promises with `for await`', async () => {
  const sample = (i: number) => ({
    value: i / 2,
    odd: i % 2 === 1,
    name: `n${i}`,
    pair: [tensor([i]), { dtype: 'i32', shape: [], data: Int32Array.of(i) }] as const,
  })
  const now: Dataset<ReturnType<typeof sample>> = { length: 3, get: sample }
  const later: Dataset<ReturnType<typeof sample>> = { length: 3, get: async (i) => sample(i) }
  const expected = [
    [[0, 0.5, 1], [0, 1, 0], 'bool', ['n0', 'n1', 'n2'], [[0], [1], [2]], [0, 1, 2]],
  ]
  for (const data of [now, later]) {
    const seen: unknown[] = []
    for await (const { value, odd, name, pair } of new DataLoader(data, { batchSize: 3 }))
      seen.push([
        value.toArraySync(),
        odd.toArraySync(),
        odd.dtype,
        name,
        (pair[0] as Tensor).toArraySync(),
        (pair[1] as Tensor).toArraySync(),
      ])
    expect(seen).toEqual(expected)
  }
  expect(() => [...new DataLoader(later)]).toThrow(
    'DataLoader: the samples are promises; loop with `for await`',
  )
})

test('collate decides what a batch is', () => {
  const loader = new DataLoader(numbers(4), {
    batchSize: 2,
    collate: (samples) => samples.map(({ label }) => label.data[0]),
  })
  expect([...loader]).toEqual([
    [0, 1],
    [2, 3],
  ])
})

test('an error in a dataset ends the loop and frees the batch', () => {
  const before = device.memory().buffers
  const data: Dataset<Tensor> = {
    length: 3,
    get: (i) => {
      if (i === 2) throw new Error('no third')
      return tensor([i])
    },
  }
  expect(() => [...new DataLoader(data, { batchSize: 2 })]).toThrow('no third')
  expect(device.memory().buffers).toBe(before)
})

test.each([
  [{ batchSize: 0 }, 'DataLoader: batchSize is 0; it must be a whole number >= 1'],
  [{ batchSize: 1.5 }, 'DataLoader: batchSize is 1.5; it must be a whole number >= 1'],
  [{ batchSize: '8' }, 'DataLoader: batchSize is "8"; it must be a whole number >= 1'],
  [{ batchSize: Number.NaN }, 'DataLoader: batchSize is NaN; it must be a whole number >= 1'],
  [{ seed: -1 }, 'DataLoader: seed is -1; it must be a whole number >= 0'],
  [{ seed: 2 ** 32 }, /seed is 4294967296; .* below 4294967296/],
  [{ shuffle: 1 }, 'DataLoader: shuffle is 1; it must be true or false'],
  [{ dropLast: 'no' }, 'DataLoader: dropLast is "no"; it must be true or false'],
  [{ batch_size: 2 }, 'DataLoader: there is no option batch_size; there are batchSize, shuffle,'],
  [
    { sampler: new SequentialSampler(3), shuffle: true },
    'DataLoader: a sampler came together with shuffle or seed; it decides the order alone',
  ],
])('options %j are refused', (options, message) => {
  expect(() => new DataLoader(numbers(3), options as object)).toThrow(message)
})

test.each([
  [{ epoch: 0, batch: 4 }, 'batch is 4, but an epoch has 3 batches'],
  [{ epoch: -1, batch: 0 }, 'epoch is -1; it must be a whole number >= 0'],
  [{ epoch: 0 }, 'batch is undefined; it must be a whole number >= 0'],
  [{ epoch: 0, batch: 0, seed: 1 }, 'there is no option seed; there are epoch, batch'],
])('the state %j is refused', (state, message) => {
  const loader = new DataLoader(numbers(3))
  expect(() => loader.loadState(state as DataLoaderState)).toThrow(
    `DataLoader.loadState: ${message}`,
  )
})
