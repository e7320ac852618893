import { beforeAll, expect, it } from 'vitest'
import {
  argsort,
  cummax,
  medianWithIndices,
  minWithIndices,
  norm,
  prod,
  reference,
  setDevice,
  sort,
  tensor,
  topk,
} from '../index.ts'

beforeAll(() => setDevice(reference()))

const list = (t: { dataSync(): ArrayLike<number> }) => Array.from(t.dataSync())

it('sort keeps the order of equals and puts NaN last', () => {
  const x = tensor([3, NaN, 1, 3, -Infinity, 1])
  const up = sort(x)
  expect(list(up.values)).toEqual([-Infinity, 1, 1, 3, 3, NaN])
  expect(list(up.indices)).toEqual([4, 2, 5, 0, 3, 1])
  expect(list(argsort(x, 0, { descending: true }))).toEqual([1, 0, 3, 2, 5, 4])
})

it('topk takes the first of the order and names a k that is too large', () => {
  const { values, indices } = topk(
    tensor([
      [5, 1, 4],
      [2, 8, 3],
    ]),
    2,
  )
  expect(values.toArraySync()).toEqual([
    [5, 4],
    [8, 3],
  ])
  expect(indices.toArraySync()).toEqual([
    [0, 2],
    [1, 2],
  ])
  expect(() => topk(tensor([1, 2]), 3)).toThrow('topk: k is 3; axis -1 of [2] has 2 elements')
})

it('the median is the lower of two in the middle, and NaN where there is one', () => {
  const x = tensor([
    [4, 1, 3, 2],
    [1, NaN, 0, NaN],
  ])
  const { values, indices } = medianWithIndices(x, 1)
  expect(list(values)).toEqual([2, NaN])
  expect(list(indices)).toEqual([3, 1])
  expect(() => medianWithIndices(tensor([]), 0)).toThrow('median: [0] has no elements on axis 0')
})

it('an extremum with its index gives the gradient to that one alone', () => {
  const x = tensor([2, 1, 1], { requiresGrad: true })
  minWithIndices(x, 0).values.backward()
  expect(list(x.grad!)).toEqual([0, 1, 0])
  expect(list(cummax(tensor([1, 3, 3, 2])).indices)).toEqual([0, 1, 2, 2])
})

it('the gradient of a product sees through zeros', () => {
  const x = tensor(
    [
      [2, 0, 3],
      [0, 5, 0],
    ],
    { requiresGrad: true },
  )
  prod(x, 1).sum().backward()
  expect(x.grad!.toArraySync()).toEqual([
    [0, 6, 0],
    [0, 0, 0],
  ])
})

it('norms of every order, with gradient 0 at 0', () => {
  const x = tensor([3, 0, -4])
  expect([0, 1, 2, Infinity, -Infinity].map((p) => norm(x, p).itemSync())).toEqual([2, 7, 5, 4, 0])
  const zero = tensor([0, 0], { requiresGrad: true })
  norm(zero).backward()
  expect(list(zero.grad!)).toEqual([0, 0])
  expect(() => norm(x, NaN)).toThrow('norm: p is NaN')
})
