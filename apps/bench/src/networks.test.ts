import { cpu } from '@nablajs/backend-cpu'
import { rand, setDevice } from '@nablajs/tensor'
import { beforeAll, expect, test } from 'vitest'
import { build } from './network-ours.ts'
import { lenet, mlp, type Network, resnet20 } from './networks.ts'
import { resnet50, resnet50Shapes } from './resnet50.ts'
import { neededBytes } from './suites/memory.ts'

const sizeOf = (shape: readonly number[]): number => shape.reduce((size, n) => size * n, 1)

beforeAll(async () => {
  setDevice(await cpu({ threads: 1, blas: false, oneDnn: false }))
})

test.for([
  [mlp, 784 * 512 + 512 + 512 * 512 + 512 + 512 * 10 + 10],
  [lenet, 61_706],
  [resnet20, 272_474],
] as const)('$0.name has its number of weights', ([network, weights]) => {
  const model = build(network)
  const count = model.parameters().reduce((sum, { shape }) => sum + sizeOf(shape), 0)
  expect(count).toBe(weights)
  expect(neededBytes(network, 1).weights).toBe(4 * weights)
})

test('the networks give ten numbers for each image', () => {
  for (const network of [mlp, lenet])
    expect(build(network).forward(rand([2, ...network.input])).shape).toEqual([2, 10])
  // A smaller image does for the other: its last pool takes any.
  expect(build(resnet20).forward(rand([2, 8, 8, 3])).shape).toEqual([2, 10])
})

test('the parameters of ResNet-50', () => {
  const shapes = resnet50Shapes()
  expect(shapes).toHaveLength(161)
  expect(shapes.reduce((sum, shape) => sum + sizeOf(shape), 0)).toBe(25_557_032)
  const model = build(resnet50(64))
  expect(model.parameters().map(({ shape }) => shape)).toEqual(shapes)
  expect(model.forward(rand([1, 64, 64, 3])).shape).toEqual([1, 1000])
})

test('what a step has to hold, counted by hand', () => {
  const network: Network = {
    name: 'small',
    input: [4, 4, 1],
    layers: [
      { type: 'conv', inputs: 1, outputs: 2, kernel: 3, stride: 1, padding: 1, bias: false },
      { type: 'batchNorm', channels: 2 },
      { type: 'relu' },
      {
        type: 'residual',
        body: [
          { type: 'conv', inputs: 2, outputs: 2, kernel: 1, stride: 1, padding: 0, bias: true },
        ],
        shortcut: [],
      },
      { type: 'maxPool', size: 2 },
      { type: 'flatten' },
      { type: 'linear', inputs: 8, outputs: 10 },
    ],
  }
  const weights = 9 * 2 + 4 + (4 + 2) + 90
  const batch = 5
  const activations =
    // The image, the input and statistics of the batch norm, two ReLUs,
    16 * batch +
    (32 * batch + 4) +
    2 * 32 * batch +
    // the places of the maxima, the input of the linear layer, the scores and the labels.
    8 * batch +
    8 * batch +
    10 * batch +
    batch
  const needed = neededBytes(network, batch)
  expect(needed).toEqual({
    weights: 4 * weights,
    gradients: 4 * weights,
    adam: 8 * weights,
    buffers: 4 * 5,
    activations: 4 * activations,
    total: 4 * (4 * weights + 5 + activations),
  })
})
