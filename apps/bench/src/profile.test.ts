import { add, matmul, reference, relu, scope, setDevice, sum, tensor } from '@nablajs/tensor'
import { beforeEach, expect, test } from 'vitest'
import { profiled } from './profile.ts'
import { adamKernels } from './suites/optim.ts'

let device: ReturnType<typeof reference>

beforeEach(() => {
  device = reference()
  setDevice(device)
})

test('kernels are counted by kind and program, and compute what they did before', () => {
  const profile = profiled(device)
  setDevice(profile.device)
  scope(() => {
    const x = tensor([
      [1, -2],
      [3, 4],
    ])
    profile.reset()
    expect(relu(add(x, x)).toArraySync()).toEqual([
      [2, 0],
      [6, 8],
    ])
    expect(sum(add(x, x)).itemSync()).toBe(12)
  })
  const counts = Object.fromEntries(profile.times().map(({ kernel, calls }) => [kernel, calls]))
  expect(counts).toMatchObject({ 'map add': 2, 'map relu': 1 })
  expect(profile.times().filter(({ kernel }) => kernel.startsWith('reduce'))).toHaveLength(1)
  expect(profile.times().every(({ ms }) => ms >= 0)).toBe(true)
  expect(device.memory().buffers).toBe(0)
})

test('a special kernel of the device is counted under its name, and runs on the device', () => {
  const seen: unknown[] = []
  const special = {
    ...device.kernels,
    matmul(this: unknown) {
      seen.push(this)
    },
  }
  const inner = new Proxy(device, {
    get(target, key) {
      if (key === 'kernels') return special
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const profile = profiled(inner)
  setDevice(profile.device)
  scope(() => matmul(tensor([[1]]), tensor([[2]])))
  expect(seen).toEqual([special])
  expect(profile.times().find(({ kernel }) => kernel === 'matmul')?.calls).toBe(1)
})

test('the kernels of an Adam step are one for each parameter at most', async () => {
  expect(await adamKernels(device, 1)).toBe(1)
  const kernels = await adamKernels(device, 7)
  expect(kernels).toBeGreaterThan(0)
  expect(kernels).toBeLessThanOrEqual(7)
})
