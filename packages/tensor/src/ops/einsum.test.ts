import { beforeAll, expect, it } from 'vitest'
import { cdist, dot, einsum, outer, reference, setDevice, tensor } from '../index.ts'

beforeAll(() => setDevice(reference()))

const a = () =>
  tensor([
    [1, 2, 3],
    [4, 5, 6],
  ])
const b = () =>
  tensor([
    [1, 0],
    [2, 1],
    [0, 3],
  ])
const square = () =>
  tensor([
    [1, 2],
    [3, 4],
  ])

it('names axes: products, sums, transposes, diagonals', () => {
  expect(einsum('ij,jk->ik', a(), b()).toArraySync()).toEqual([
    [5, 11],
    [14, 23],
  ])
  expect(einsum('ij,jk', a(), b()).toArraySync()).toEqual([
    [5, 11],
    [14, 23],
  ])
  expect(einsum('ba', a()).toArraySync()).toEqual([
    [1, 4],
    [2, 5],
    [3, 6],
  ])
  expect(einsum('ii', square()).itemSync()).toBe(5)
  expect(einsum('ii->i', square()).toArraySync()).toEqual([1, 4])
  expect(einsum('ij->', a()).itemSync()).toBe(21)
  expect(einsum('i,j->ij', tensor([1, 2]), tensor([3, 4])).toArraySync()).toEqual([
    [3, 4],
    [6, 8],
  ])
  expect(einsum('ij,ij->i', a(), a()).toArraySync()).toEqual([14, 77])
  expect(einsum('ij, jk, k -> i', a(), b(), tensor([1, 1])).toArraySync()).toEqual([16, 37])
  expect(einsum('...j,j->...', a(), tensor([1, 0, 1])).toArraySync()).toEqual([4, 10])
  expect(einsum('...i,...i', a(), tensor([1, 1, 1])).toArraySync()).toEqual([6, 15])
})

it('says what is wrong with an equation', () => {
  expect(() => einsum('ij,jk->ik', a())).toThrow(
    'einsum: "ij,jk->ik" has 2 terms, and 1 tensors came',
  )
  expect(() => einsum('ijk->i', a())).toThrow('einsum: "ijk" in "ijk->i" for a tensor with 2 axes')
  expect(() => einsum('ij,ik->jk', a(), b())).toThrow('sizes 2 and 3 for one name in [3, 2]')
  expect(() => einsum('ij->ik', a())).toThrow('the output names each axis of the inputs once')
  expect(() => einsum('i_j->i', a())).toThrow('einsum: "i_j" in')
})

it('measures distances between rows', () => {
  const x = tensor([
    [0, 0],
    [3, 4],
  ])
  expect(cdist(x, x).toArraySync()).toEqual([
    [0, 5],
    [5, 0],
  ])
  expect(cdist(x, x, 1).toArraySync()).toEqual([
    [0, 7],
    [7, 0],
  ])
  expect(() => cdist(x, tensor([[1]]))).toThrow('cdist: [2, 2] and [1, 1]')
})

it('multiplies vectors', () => {
  expect(dot(tensor([1, 2]), tensor([3, 4])).itemSync()).toBe(11)
  expect(outer(tensor([1, 2]), tensor([3, 4])).toArraySync()).toEqual([
    [3, 4],
    [6, 8],
  ])
  expect(() => dot(a(), tensor([1]))).toThrow('dot: [2, 3] and [1]: vectors have one axis')
})
