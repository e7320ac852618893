/** The conformance suite on the WebGPU device, in Node. */
import { webgpu } from '@nablajs/backend-webgpu'
import { conformance } from '@nablajs/testing'
import { afterAll, expect, it, vi } from 'vitest'
import { create, globals } from 'webgpu'
import { webgpuMissing } from '../src/webgpu.ts'

// A software driver compiles large shaders for a second each.
vi.setConfig({ testTimeout: 300_000 })

// Clearing workgroup memory takes a software driver most of that second, and no kernel counts on it.
Object.assign(globalThis, globals)
Object.defineProperty(navigator, 'gpu', {
  value: create(['enable-dawn-features=disable_workgroup_init']),
})

const reason = await webgpuMissing()
if (reason !== undefined) it.skip(`conformance of webgpu (${reason})`, () => {})
else {
  const made: { gpuErrors: number }[] = []
  const make = async () => {
    const device = await webgpu()
    made.push(device)
    return device
  }
  conformance('webgpu', make, {
    flushesSubnormals: true,
    skips: { 'celu: extremes': 'x / alpha is subnormal, and some GPUs take it for 0' },
  })
  afterAll(() => {
    const errors = made.reduce((sum, device) => sum + device.gpuErrors, 0)
    expect(errors, 'errors that the GPU reported').toBe(0)
  })
}
