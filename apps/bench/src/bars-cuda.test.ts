import { expect, test } from 'vitest'
import { cudaBars } from './bars-cuda.ts'
import type { Comparison } from './results.ts'

type Times = Readonly<Record<string, number>>

function comparison(
  suite: string,
  name: string,
  subjects: Times,
  peers: Times,
  more: Partial<Comparison> = {},
): Comparison {
  const list = (times: Times) =>
    Object.entries(times).map(([who, ms]) => ({ name: who, version: '', ms, turns: [ms] }))
  return { suite, name, note: '', subjects: list(subjects), peers: list(peers), skips: [], ...more }
}

const said = (at: Comparison) =>
  cudaBars(at).map(({ wanted, value, met, why }) => [wanted, value ?? why, met])

test('products beside PyTorch on a GPU, not on the processor', () => {
  const wanted = '>= 0.95x PyTorch on the same GPU'
  const at = comparison('products', 'matmul', { 'nabla cuda': 2 }, { 'PyTorch cuda': 2.5 })
  expect(said(at)).toEqual([[wanted, 1.25, true]])
  const beside = comparison('products', 'matmul', { 'nabla cuda': 2 }, { 'PyTorch cpu': 9 })
  expect(said(beside)).toEqual([[wanted, 'no PyTorch took part on a GPU', undefined]])
  const skips = [{ name: 'nabla cuda', reason: 'it has no f16' }]
  expect(said(comparison('products', 'matmul', {}, {}, { skips }))).toEqual([
    [wanted, 'it has no f16', undefined],
  ])
})

test('what memory bounds beside the copy', () => {
  const at = (name: string, ms: number) =>
    comparison('bandwidth', name, { 'nabla cuda': ms }, {}, { bytes: 1e9, floor: 1e12 })
  const wanted = '>= 0.9 of the bandwidth of a copy'
  expect(said(at('gelu', 1.25))).toEqual([[wanted, 0.8, false]])
  expect(said(at('gelu', 1))).toEqual([[wanted, 1, true]])
  expect(said(at('copy', 1))).toEqual([])
})

test('steps beside the better layout; of LeNet the graph', () => {
  const theirs = { 'PyTorch cuda, channels last': 8, 'PyTorch cuda, NCHW': 10 }
  const resnet = comparison('steps', 'ResNet-50 training step', { 'nabla cuda': 10 }, theirs)
  expect(said(resnet)).toEqual([['>= 0.9x PyTorch eager, the better of its layouts', 0.8, false]])
  const times = { 'nabla cuda': 16, 'nabla cuda, graph': 4 }
  expect(said(comparison('steps', 'LeNet-5 training step', times, theirs))).toEqual([
    ['with graph replay faster than PyTorch eager, the better of its layouts', 2, true],
  ])
})

test('works of other suites have other bars', () => {
  expect(said(comparison('train', 'LeNet-5', { 'nabla cuda': 1 }, {}))).toEqual([])
})
