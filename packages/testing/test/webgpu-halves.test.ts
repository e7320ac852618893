/**
 * Halves on the WebGPU device. The software GPU of Chromium has none, so this file runs on Mesa's lavapipe,
 * whatever the other tests run on: the driver is chosen for each process, and each file has its own.
 */
import { type CpuBackend, cpu } from '@nablajs/backend-cpu'
import { type WebGpuBackend, webgpu } from '@nablajs/backend-webgpu'
import { DataLoader, digits } from '@nablajs/data'
import { crossEntropy } from '@nablajs/nn'
import { Adam, GradScaler } from '@nablajs/optim'
import { autocast, type Backend, manualSeed, setDevice, tensor, withDevice } from '@nablajs/tensor'
import { conformance } from '@nablajs/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { create, globals } from 'webgpu'
import { digitsCnn } from '../src/digits-cnn.ts'
import { lavapipe } from '../src/lavapipe/index.ts'
import { webgpuMissing } from '../src/webgpu.ts'

vi.setConfig({ testTimeout: 300_000 })

const found = lavapipe()
if (found.missing === undefined) Object.assign(process.env, found.environment)
// Clearing workgroup memory takes a software driver most of its time, and no kernel counts on it.
Object.assign(globalThis, globals)
Object.defineProperty(navigator, 'gpu', {
  value: create(['enable-dawn-features=disable_workgroup_init']),
})
const missing = found.missing ?? (await webgpuMissing())

const steps = 8

interface Step {
  readonly loss: number
  /** Whether the gradients were finite, so that parameters moved. */
  readonly taken: boolean
  readonly scale: number
}

/** Trains on batches of 32 digits by `autocast('f16')`, with a scaled loss. */
async function trainScaled(device: Backend, initScale: number): Promise<Step[]> {
  setDevice(device)
  try {
    manualSeed(1)
    const model = digitsCnn()
    const optimizer = new Adam(model.parameters(), { lr: 3e-3 })
    const scaler = new GradScaler({ initScale })
    const taken: Step[] = []
    for await (const { image, label } of new DataLoader(digits('train'), { batchSize: 32 })) {
      optimizer.zeroGrad()
      const loss = autocast('f16', () => crossEntropy(model.forward(image), label))
      scaler.scale(loss).backward()
      await scaler.unscaleAsync(optimizer)
      const scale = scaler.getScale()
      taken.push({ loss: await loss.item(), taken: scaler.step(optimizer), scale })
      scaler.update()
      if (taken.length === steps) break
    }
    return taken
  } finally {
    setDevice(undefined)
  }
}

if (missing !== undefined) it.skip(`halves on webgpu (${missing})`, () => {})
else {
  conformance('webgpu on lavapipe', () => webgpu(), { only: /^f16: | of f16$/ })

  // Kernels take other forms on a GPU that is none of software.
  const asOnGpu = async (): Promise<WebGpuBackend> => {
    const device = await webgpu()
    Object.assign(device, { features: { ...device.features, software: false } })
    return device
  }
  conformance('webgpu on lavapipe, as on a GPU', asOnGpu, {
    only: /^f16: reductions|^twins: addmm of f16$/,
  })

  describe('halves on webgpu', () => {
    let device: WebGpuBackend
    let host: CpuBackend
    beforeAll(async () => {
      device = await webgpu()
      host = await cpu()
    })
    afterAll(() => {
      expect(device.gpuErrors).toBe(0)
      device.dispose()
      host.dispose()
    })

    it('any number of them goes in and out', async () => {
      for (const count of [1, 2, 3, 5, 127, 128, 129, 1023]) {
        const values = Array.from({ length: count }, (_, i) => i / 8 - 3)
        const x = withDevice(device, () => tensor(values, { dtype: 'f16' }))
        expect([...(await x.data())]).toEqual(values)
        expect((await device.read(x.buffer)).byteLength).toBe(2 * count)
        x.dispose()
      }
    })

    it('a write within a word leaves its neighbour', async () => {
      const buffer = device.alloc(14)
      device.write(buffer, Uint16Array.of(1, 2, 3, 4, 5, 6, 7))
      device.write(buffer, Uint16Array.of(20), 2)
      device.write(buffer, Uint16Array.of(30, 40, 50), 4)
      device.write(buffer, Uint16Array.of(60, 70), 10)
      expect([...new Uint16Array(await device.read(buffer))]).toEqual([1, 20, 30, 40, 50, 60, 70])
      expect(() => device.write(buffer, new Uint8Array(3), 4)).toThrow(
        'write: 3 bytes at 4; a GPU takes whole words of 4 bytes, or halves of 2',
      )
      device.free(buffer)
    })

    it('a network trains as on the CPU', async () => {
      const expected = await trainScaled(host, 2 ** 16)
      const actual = await trainScaled(device, 2 ** 16)
      for (const [i, { loss, taken }] of actual.entries()) {
        expect(taken).toBe(true)
        // What is rounded is rounded by up to 2^-11 of it, not always to the same side.
        expect(Math.abs(loss - expected[i]!.loss), `loss of step ${i}`).toBeLessThan(5e-3)
      }
      expect(actual.at(-1)!.loss).toBeLessThan(actual[0]!.loss - 0.2)
    })

    it('steps that overflow are left out as on the CPU', async () => {
      const outcome = ({ taken, scale }: Step) => [taken, scale]
      const expected = await trainScaled(host, 2 ** 24)
      const actual = await trainScaled(device, 2 ** 24)
      expect(actual.map(outcome)).toEqual(expected.map(outcome))
      expect(new Set(actual.map(({ taken }) => taken)).size).toBe(2)
    })
  })
}
