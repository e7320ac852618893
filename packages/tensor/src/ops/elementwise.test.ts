import { beforeAll, expect, test } from 'vitest'
import { clamp, reference, setDevice, tensor } from '../index.ts'

beforeAll(() => setDevice(reference()))

test('an infinite bound leaves integers integers', () => {
  const x = tensor([-5, 3, 2 ** 31 - 1], { dtype: 'i32' })
  const held = clamp(x, 0)
  expect(held.dtype).toBe('i32')
  expect([...held.dataSync()]).toEqual([0, 3, 2 ** 31 - 1])
  expect([...clamp(x, undefined, 4).dataSync()]).toEqual([-5, 3, 4])
  const words = tensor([1, 2 ** 32 - 1], { dtype: 'u32' })
  expect([...clamp(words, 2).dataSync()]).toEqual([2, 2 ** 32 - 1])
})

test('a fraction makes integers floats', () => {
  expect(tensor([1], { dtype: 'i32' }).mul(0.5).dtype).toBe('f32')
  expect(tensor([1], { dtype: 'i32' }).mul(2).dtype).toBe('i32')
})

test('what is constant almost everywhere has a gradient of zeros', () => {
  const x = tensor([0.3, -1.7], { requiresGrad: true })
  const y = tensor([[2], [0.5]], { requiresGrad: true })
  x.floor().sum().backward()
  expect(x.grad!.toArraySync()).toEqual([0, 0])
  x.sign().mul(y).sum().backward()
  expect(x.grad!.toArraySync()).toEqual([0, 0])
  expect(y.grad!.toArraySync()).toEqual([[0], [0]])
  expect(x.gt(0).requiresGrad).toBe(false)
})
