import { expect, test } from 'vitest'
import { barsOf } from './bars.ts'
import type { Comparison } from './results.ts'

const floors = { flops: 100e9, bandwidth: 1e9 }
const timing = (name: string, ms: number) => ({ name, version: '1', ms, turns: [ms, ms] })

function comparison(
  suite: string,
  name: string,
  subjects: Record<string, number>,
  peers: Record<string, number>,
  more: Partial<Comparison> = {},
): Comparison {
  const list = (all: Record<string, number>) =>
    Object.entries(all).map(([who, ms]) => timing(who, ms))
  return { suite, name, note: '', skips: [], subjects: list(subjects), peers: list(peers), ...more }
}

const verdicts = (comparisons: Comparison[]) =>
  barsOf({ comparisons, measures: [], floors }).map(({ wanted, value, met }) => [
    wanted,
    value === undefined ? undefined : Number(value.toPrecision(3)),
    met,
  ])

test('matrix products: ratios to peers, to the peak, to the own single thread', () => {
  const found = comparison(
    'ops',
    'matmul 512',
    {
      'nabla cpu, 1 thread': 4,
      'nabla cpu, 2 threads': 2.5,
      'nabla cpu, 2 threads, BLAS': 2,
    },
    {
      'tfjs wasm': 6,
      'jax-js wasm': 6,
      'PyTorch, 2 threads': 1.5,
      'onnxruntime, 2 threads': 3,
    },
    { flops: 320e6 },
  )
  expect(verdicts([found])).toEqual([
    ['1 thread >= 1.3x tfjs wasm', 1.5, true],
    ['1 thread >= 1.6x jax-js', 1.5, false],
    ['1 thread >= 0.75 of the FMA peak', 0.8, true],
    ['2 threads >= 1.8x its single thread', 1.6, false],
    ['with BLAS >= 0.95x the better of PyTorch and onnxruntime, all threads', 0.75, false],
  ])
})

test('what was not there is not measured, and says why', () => {
  const found = comparison('ops', 'matmul 512', { 'nabla cpu, 1 thread': 4 }, {}, { flops: 1 })
  const bars = barsOf({
    comparisons: [found],
    measures: [],
    floors: { ...floors, flops: undefined },
  })
  expect(bars.map(({ met }) => met)).toEqual(Array(5).fill(undefined))
  expect(bars.map(({ why }) => why)).toEqual([
    'no tfjs wasm took part',
    'no jax-js took part',
    'no relaxed SIMD, or no single thread',
    'one thread only',
    'no BLAS took part',
  ])
})

test("a training step's time over PyTorch's", () => {
  const found = comparison(
    'train',
    'a step',
    { 'nabla cpu, 1 thread': 30, 'nabla cpu, 1 thread, BLAS': 9 },
    { 'PyTorch, 1 thread': 10 },
  )
  expect(verdicts([found])).toEqual([
    ["1 thread <= 2.5x PyTorch's time on 1 thread", 3, false],
    ["with BLAS <= 1.0x PyTorch's time, 1 thread each", 0.9, true],
  ])
})

test('convolutions against the rate of a matrix product', () => {
  const product = comparison('ops', 'matmul 512', { 'nabla cpu, 1 thread': 1 }, {}, { flops: 1e6 })
  const conv = comparison(
    'conv2d',
    'conv2d 8x8, 3x3/1',
    { 'nabla cpu, 1 thread': 2 },
    {},
    { flops: 1e6 },
  )
  expect(verdicts([product, conv]).at(-2)).toEqual([
    '1 thread >= 0.8 of the rate of matmul 512',
    0.5,
    false,
  ])
})

test('what a call costs, and numbers that are no times', () => {
  const found = comparison(
    'dispatch',
    'one-element add',
    { 'nabla cpu, 1 thread': 0.5 },
    {},
    { items: { count: 1000, unit: 'additions' } },
  )
  expect(verdicts([found])).toEqual([['<= 1 µs', 0.5, true]])
  const work = 'memory of the ResNet-20 training step, batch 32'
  const measures = [
    { work, subject: 'peak', value: 130, unit: 'B', note: '' },
    { work, subject: 'needed', value: 100, unit: 'B', note: '' },
    { work: 'package size', subject: 'nabla tensor', value: 39, unit: 'kB', note: '' },
  ] as const
  const bars = barsOf({ comparisons: [], measures, floors })
  expect(bars.map(({ value, unit, met }) => [value, unit, met])).toEqual([
    [1.3, 'x', false],
    [39, 'kB', true],
  ])
})

test('on WebGPU: level with the others, and training steps twice as fast', () => {
  const webgpu = (suite: string, name: string) =>
    comparison(suite, name, { 'nabla webgpu': 2 }, { 'tfjs webgpu': 3, 'jax-js webgpu': 1 })
  const level = [
    ['webgpu >= 1x tfjs on webgpu', 1.5, true],
    ['webgpu >= 1x jax-js on webgpu', 0.5, false],
  ]
  expect(verdicts([webgpu('ops', 'matmul 512')])).toEqual(level)
  expect(verdicts([webgpu('conv2d', 'a 3x3 one')])).toEqual(level)
  expect(verdicts([webgpu('ops', 'softmax'), webgpu('train', 'MLP step')])).toEqual([])
  expect(verdicts([webgpu('train', 'LeNet-5 step')])).toEqual([
    ['webgpu >= 2x tfjs on webgpu', 1.5, false],
  ])
})
