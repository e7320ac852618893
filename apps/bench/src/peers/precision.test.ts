import { matmul, reference, setDevice, type Tensor } from '@nablajs/tensor'
import { afterEach, expect, test } from 'vitest'
import { lenet } from '../networks.ts'
import { prepare } from '../tasks.ts'
import { makers } from './ours.ts'
import { mixed, operand, refusal } from './precision.ts'

const device = reference()
setDevice(device)
afterEach(() => setDevice(device))

test('operands of 16 bits are multiplied as such, and computed so under autocast', () => {
  const [a, b] = [operand([2, 3], 'bf16'), operand([3, 2], 'bf16')]
  expect([a.dtype, matmul(a, b).dtype]).toEqual(['bf16', 'bf16'])
  const [x, y] = [operand([2, 3], 'f32'), operand([3, 2], 'tf32')]
  expect(matmul(x, y).dtype).toBe('f32')
  expect(mixed('f16', () => matmul(x, y)).dtype).toBe('f16')
  expect(mixed('f32', (): Tensor => matmul(x, y)).dtype).toBe('f32')
})

test('a training step in bf16 runs', async () => {
  const task = { kind: 'training', network: lenet, batch: 2, optimizer: 'sgd' } as const
  const made = await prepare(
    makers(() => 'done'),
    { ...task, precision: 'bf16' },
  )
  if (typeof made === 'string') throw new Error(made)
  expect(made.run()).toBe('done')
  made.dispose?.()
})

test('a device without 16 bits says so', async () => {
  const plain = Object.create(device, { dtypes: { value: new Set(['f32']) } })
  setDevice(plain)
  expect(refusal('bf16')).toBe('it has no bf16')
  expect([refusal('f32'), refusal('tf32')]).toEqual([undefined, undefined])
  const none = makers(() => {})
  expect(await prepare(none, { kind: 'matmul', size: 2, precision: 'f16' })).toBe('it has no f16')
})
