import { beforeEach, expect, test } from 'vitest'
import { arange, reference, setDevice, type Tensor } from '../index.ts'

beforeEach(() => setDevice(reference()))

const numbers = (shape: number[]): Tensor => {
  const size = shape.reduce((count, extent) => count * extent, 1)
  const t = arange(0, size, 1, { dtype: 'f32' }).reshape(shape).sub(3)
  return t.detach()
}

test.each([
  { left: [4, 3], right: [5, 3] },
  { left: [2, 4, 3], right: [2, 5, 3] },
  { left: [2, 4, 3], right: [5, 3] },
])('the gradients of $left and of $right transposed lie as they do', ({ left, right }) => {
  const [x, weight] = [numbers(left), numbers(right)]
  const dense = weight.transpose().copy()
  for (const t of [x, weight, dense]) t.requiresGrad = true
  x.matmul(weight.transpose()).square().sum().backward()
  const fromView = x.grad!.toArraySync()
  expect(x.grad!.isContiguous).toBe(true)
  expect(weight.grad!.isContiguous).toBe(true)
  x.grad = undefined
  x.matmul(dense).square().sum().backward()
  expect(weight.grad!.toArraySync()).toEqual(dense.grad!.transpose().toArraySync())
  expect(fromView).toEqual(x.grad!.toArraySync())
})
