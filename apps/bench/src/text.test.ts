import { expect, test } from 'vitest'
import type { Comparison } from './results.ts'
import {
  countsOf,
  digits,
  quantity,
  rateOf,
  showBars,
  showComparison,
  showProfile,
} from './text.ts'

const timing = (name: string, ms: number) => ({ name, version: '1.0', ms, turns: [ms] })
const floors = { flops: 50e9, bandwidth: 10e9 }

test('three significant digits', () => {
  expect([0, 0.01234, 0.5, 1, 12.34, 123.4, 12345].map(digits)).toEqual([
    '0.00',
    '0.0123',
    '0.500',
    '1.00',
    '12.3',
    '123',
    '12345',
  ])
  expect(quantity(25.6e9, 'B/s')).toBe('25.6 GB/s')
  expect(quantity(12, 'samples/s')).toBe('12.0 samples/s')
})

test('a time as a rate, and its share of a floor', () => {
  const at = timing('x', 10)
  expect(rateOf(at, { flops: 250e6 }, floors)).toBe('25.0 GFLOP/s, 50% of the FMA peak')
  expect(rateOf(at, { flops: 250e6 }, { ...floors, flops: undefined })).toBe('25.0 GFLOP/s')
  expect(rateOf(at, { bytes: 80e6 }, floors)).toBe('8.00 GB/s, 80% of the memory bandwidth')
  // So few bytes may come from a cache.
  expect(rateOf(at, { bytes: 8e6 }, floors)).toBe('800 MB/s')
  expect(rateOf(at, { items: { count: 64, unit: 'samples' } }, floors)).toBe('6.40 ksamples/s')
  expect(rateOf(at, { items: { count: 1000, unit: 'additions' } }, floors)).toBe('10.0 µs each')
})

test('the floor of a GPU is what it copies; those of the processor mean nothing there', () => {
  const work = { flops: 250e6, bytes: 80e6, gpu: true }
  expect(rateOf(timing('nabla cuda', 10), work, floors)).toBe('25.0 GFLOP/s, 8.00 GB/s')
  const copied = { bytes: 80e6, gpu: true, floor: 16e9 }
  expect(rateOf(timing('nabla cuda', 10), copied, floors)).toBe('8.00 GB/s, 50% of the copy')
  expect(rateOf(timing('PyTorch cpu', 10), copied, floors)).toBe('8.00 GB/s')
})

test('who counts the memory of a device says its peak', () => {
  const subjects = [{ ...timing('nabla cuda', 2), peakBytes: 3e9 }]
  const shown = showComparison({ ...comparison, subjects, peers: [], state: 'cool' }, floors)
  expect(shown).toContain('peak 3.00 GB')
  expect(shown).toContain('  GPU meanwhile: cool\n')
})

const comparison: Comparison = {
  suite: 'ops',
  name: 'matmul 8',
  note: '[8, 8] x [8, 8]',
  flops: 1024,
  subjects: [timing('nabla cpu, 1 thread', 2), timing('nabla cpu, 2 threads', 1)],
  peers: [timing('tfjs cpu', 40)],
  skips: [{ name: 'PyTorch', reason: 'no Python' }],
}

test('ratios come first', () => {
  expect(showComparison(comparison, floors)).toMatchInlineSnapshot(`
    "matmul 8 ([8, 8] x [8, 8])
      / 1 thread  / 2 threads     time
               1        2.00x  2.00 ms  nabla cpu, 1 thread   512 kFLOP/s, 0% of the FMA peak   1.0
          0.500x            1  1.00 ms  nabla cpu, 2 threads  1.02 MFLOP/s, 0% of the FMA peak  1.0
           20.0x        40.0x  40.0 ms  tfjs cpu              25.6 kFLOP/s, 0% of the FMA peak  1.0
      skipped: PyTorch: no Python
    "
  `)
})

test('what a run asks of the GPU', () => {
  const counts = { dispatches: 66, submissions: 1, uploadedBytes: 16_900, allocatedBytes: 0 }
  const text = '66 dispatches, 1 submission, 16.9 kB uploaded, 0 B allocated'
  expect(countsOf(counts)).toBe(text)
  expect(countsOf(undefined)).toBe('')
  const counted = { ...comparison, peers: [{ ...timing('tfjs webgpu', 40), gpu: counts }] }
  const [line, ...others] = showComparison(counted, floors)
    .split('\n')
    .filter((row) => row.includes('dispatches'))
  expect(line).toMatch(new RegExp(`tfjs webgpu .*${text}$`))
  expect(others).toEqual([])
})

test('bars and profiles', () => {
  const bar = { work: 'a step', wanted: '<= 2', unit: 'x' }
  expect(
    showBars([
      { ...bar, value: 1.5, met: true },
      { ...bar, value: 3, met: false },
      { ...bar, value: undefined, met: undefined, why: 'no peer' },
    ]),
  ).toMatchInlineSnapshot(`
    "bars
      met          a step: <= 2: 1.50 x
      NOT MET      a step: <= 2: 3.00 x
      not measured a step: <= 2: no peer
    "
  `)
  const times = [
    { kernel: 'matmul', calls: 4, ms: 6 },
    { kernel: 'map relu', calls: 2, ms: 2 },
  ]
  expect(showProfile(times, 2)).toMatchInlineSnapshot(`
    "      4.000 ms in 3 kernels a step
          3.000 ms   75.0%     2 calls  matmul
          1.000 ms   25.0%     1 calls  map relu
    "
  `)
})
