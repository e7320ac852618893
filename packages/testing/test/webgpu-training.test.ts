/** A training on the WebGPU device beside the same one on the CPU, and one that survives the loss of its device. */
import { cpu } from '@nablajs/backend-cpu'
import { type WebGpuBackend, webgpu } from '@nablajs/backend-webgpu'
import {
  fromHost,
  type HostTensor,
  manualSeed,
  noGrad,
  setDevice,
  tensor,
  toHost,
} from '@nablajs/tensor'
import { expect, it } from 'vitest'
import { digitsCnn, trainDigits } from '../src/digits-cnn.ts'
import { webgpuMissing } from '../src/webgpu.ts'

const reason = await webgpuMissing()
const test = (title: string, body: (device: WebGpuBackend) => Promise<void>): void => {
  if (reason !== undefined) it.skip(`${title} (${reason})`, () => {})
  else
    it(title, { timeout: 300_000 }, async () => {
      const device = await webgpu()
      try {
        await body(device)
      } finally {
        device.dispose()
      }
    })
}

test('a CNN learns the digits as on the CPU', async (device) => {
  const expected = await trainDigits(await cpu(), 50)
  const actual = await trainDigits(device, 50)
  expected.losses.forEach((loss, step) => {
    expect(Math.abs(actual.losses[step]! - loss), `loss of step ${step}`).toBeLessThan(1e-3)
  })
  expect(expected.accuracy).toBeGreaterThan(0.7)
  expect(actual.accuracy).toBeCloseTo(expected.accuracy, 2)
  expect(device.gpuErrors).toBe(0)
})

test('a model goes on from its host copy when the device is lost', async (device) => {
  setDevice(device)
  manualSeed(1)
  const model = digitsCnn()
  model.eval()
  const image = new Float32Array(64).map((_, i) => (i % 17) / 16)
  const forward = (net: typeof model) =>
    noGrad(() => net.forward(tensor(image, { shape: [1, 8, 8, 1] }))).data()
  const before = await forward(model)
  const copy: HostTensor[] = []
  const names = Object.keys(model.stateDict())
  for (const entry of Object.values(model.stateDict())) copy.push(await toHost(entry))

  device.device.destroy()
  await expect(forward(model)).rejects.toThrow('the webgpu device was lost')

  const again = await webgpu()
  setDevice(again)
  try {
    manualSeed(7)
    const restored = digitsCnn()
    restored.eval()
    expect(await forward(restored)).not.toEqual(before)
    restored.loadStateDict(Object.fromEntries(names.map((name, i) => [name, fromHost(copy[i]!)])))
    expect(await forward(restored)).toEqual(before)
  } finally {
    setDevice(undefined)
    again.dispose()
  }
})
