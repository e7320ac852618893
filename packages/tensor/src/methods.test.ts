import { expect, it } from 'vitest'
import { reference, setDevice, tensor } from './index.ts'

it('hangs the ops on tensors, with their types', () => {
  setDevice(reference())
  const x = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ])
  // Rest parameters, options and results that are no tensors keep their types as methods.
  expect(x.slice(null, { start: 1 }, ...[]).toArraySync()).toEqual([
    [2, 3],
    [5, 6],
  ])
  expect(x.sum(0, { keepdim: true }).shape).toEqual([1, 3])
  expect(x.unsqueeze(0).unsqueeze(-1).maxPool2dWithIndices(2).indices.dtype).toBe('i32')
  expect(x.softplus(2).leakyRelu().clamp(0).shape).toEqual([2, 3])
  // @ts-expect-error a slice takes no text
  expect(() => x.slice('1', 0, 0)).toThrow()
})
