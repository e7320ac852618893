/**
 * The CPU device on one, two and three threads: the whole suite, with even the smallest work shared,
 * and the promise that the number of threads does not change a bit.
 */
import { cpu } from '@nablajs/backend-cpu'
import { shareEverything } from '@nablajs/backend-cpu/internal'
import {
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  crossEntropy,
  Flatten,
  LayerNorm,
  Linear,
  MaxPool2d,
  ReLU,
  Sequential,
} from '@nablajs/nn'
import { Adam } from '@nablajs/optim'
import {
  cumsum,
  floor,
  indexSelect,
  manualSeed,
  rand,
  randn,
  setDevice,
  sort,
  type Tensor,
  valueAndGrad,
} from '@nablajs/tensor'
import { conformance } from '@nablajs/testing'
import { beforeAll, describe, expect, test } from 'vitest'

describe('with all work shared', () => {
  beforeAll(() => shareEverything())
  for (const threads of [1, 2, 3])
    conformance(`cpu, ${threads} threads`, () => cpu({ threads, blas: false, oneDnn: false }))
})

/** What `compute` returns, as bits, on so many threads. */
async function bitsOf(
  threads: number,
  compute: () => readonly Tensor[],
): Promise<readonly Int32Array[]> {
  const device = await cpu({ threads, blas: false, oneDnn: false })
  setDevice(device)
  manualSeed(1)
  const results = compute().map((x) => {
    const { buffer, byteOffset, length } = x.dataSync()
    return new Int32Array(buffer, byteOffset, length)
  })
  device.dispose()
  return results
}

/** A few steps of a network with every kind of kernel in it. */
function train(): Tensor[] {
  const model = new Sequential(
    new Conv2d(3, 24, 3, { padding: 1 }),
    new BatchNorm2d(24),
    new ReLU(),
    new Conv2d(24, 24, 5, { padding: 2, groups: 24 }),
    new Conv2d(24, 32, 3, { stride: 2, padding: 1 }),
    new MaxPool2d(2),
    new Conv2d(32, 40, 1),
    new AvgPool2d(2),
    new Flatten(),
    new LayerNorm([4 * 4 * 40]),
    new Linear(4 * 4 * 40, 10),
  )
  const optimizer = new Adam(model.parameters(), { lr: 1e-2 })
  const [image, label] = [randn([16, 32, 32, 3]), floor(rand([16]).mul(10)).cast('i32')]
  const losses: Tensor[] = []
  for (let step = 0; step < 3; step++)
    losses.push(optimizer.step(() => crossEntropy(model.forward(image), label)))
  return [...losses, ...model.parameters()]
}

/** Sizes at which parts are cut at odd places, and reductions with few outputs. */
function compute(): Tensor[] {
  const [a, b, long] = [randn([515, 301]), randn([301, 397]), randn([300_001])]
  const rows = floor(rand([2000]).mul(515)).cast('i32')
  return [
    a.matmul(b),
    b.transpose(0, 1).matmul(a.transpose(0, 1)),
    randn([3, 700]).matmul(randn([700, 1000])),
    randn([24, 65, 33]).matmul(randn([24, 33, 70])),
    long.sum(),
    long.add(1e-3).square().mean(),
    long.max(),
    long.argmax(),
    a.sum(0),
    a.sum(1),
    a.transpose(0, 1).exp(),
    a.cast('bf16').transpose(0, 1).exp(),
    a.cast('f16').slice(null, { start: 3, end: 290, step: 3 }).mul(2),
    long.cast('f16').sum(),
    indexSelect(a, 0, rows),
    sort(a, 0).values,
    cumsum(a, 0),
    cumsum(a, 1),
    valueAndGrad((table: Tensor) => indexSelect(table, 0, rows).square().sum())(a)[1],
  ]
}

describe.each([
  ['all work shared', shareEverything],
  ['work shared as usual', () => {}],
])('the same bits for every number of threads, %s', (_, share) => {
  beforeAll(() => share())
  test.each([
    ['a training', train],
    ['single ops', compute],
  ])('%s', async (_, run) => {
    const alone = await bitsOf(1, run)
    for (const threads of [2, 3, 5]) {
      const shared = await bitsOf(threads, run)
      for (const [i, bits] of alone.entries())
        expect(shared[i], `result ${i}, ${threads} threads`).toEqual(bits)
    }
  })
})
