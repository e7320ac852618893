/**
 * The WebGPU device in a browser: the contract, some ops of each kind, and a CNN trained beside the CPU.
 * The whole suite runs in Node, where the same shaders are compiled by the same library.
 */
import { cpu } from '@nablajs/backend-cpu'
import { type WebGpuBackend, webgpu } from '@nablajs/backend-webgpu'
import { conformance } from '@nablajs/testing'
import { afterAll, expect, it } from 'vitest'
import { trainDigits } from '../src/digits-cnn.ts'
import { webgpuMissing } from '../src/webgpu.ts'

const contract = 'memory|dispose|map|primitives|reduce'
const ops = 'add|exp|where|slice|sum|argmax|softmax|maxPool2d|gather|cumsum|uniform|randn'

const reason = await webgpuMissing()
if (reason !== undefined) it.skip(`webgpu in a browser (${reason})`, () => {})
else {
  const made: WebGpuBackend[] = []
  const make = async (): Promise<WebGpuBackend> => {
    const device = await webgpu()
    made.push(device)
    return device
  }
  conformance('webgpu in a browser', make, {
    flushesSubnormals: true,
    only: new RegExp(`^(${contract}|${ops}): `),
  })

  it('a CNN learns the digits as on the CPU', { timeout: 300_000 }, async () => {
    const expected = await trainDigits(await cpu(), 50)
    const device = await make()
    const actual = await trainDigits(device, 50)
    device.dispose()
    expected.losses.forEach((loss, step) => {
      expect(Math.abs(actual.losses[step]! - loss), `loss of step ${step}`).toBeLessThan(1e-3)
    })
    expect(expected.accuracy).toBeGreaterThan(0.7)
    expect(actual.accuracy).toBeCloseTo(expected.accuracy, 2)
  })

  afterAll(() => {
    const errors = made.reduce((sum, device) => sum + device.gpuErrors, 0)
    expect(errors, 'errors that the GPU reported').toBe(0)
  })
}
