import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeOnGpu } from '../../test/gpu.ts'
import { type WebGpuBackend, webgpu } from '../index.ts'
import { featuresOf } from './features.ts'

describeOnGpu('features', () => {
  let backend: WebGpuBackend
  let device: GPUDevice
  beforeAll(async () => {
    backend = await webgpu()
    device = backend.device
  })
  afterAll(async () => {
    await backend.sync()
    expect(backend.gpuErrors).toBe(0)
    backend.dispose()
  })

  /** The device, where its adapter says other things of itself. */
  const said = (adapterInfo: Partial<GPUAdapterInfo> | undefined): GPUDevice =>
    new Proxy(device, {
      get: (target, name) => {
        if (name === 'adapterInfo') return adapterInfo
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  const none = { subgroups: false, subgroupMinSize: 0, subgroupMaxSize: 0 }

  it('are those of the adapter', async ({ skip }) => {
    if (!device.features.has('subgroups')) skip('the GPU has no subgroups')
    const { subgroupMinSize, subgroupMaxSize, isFallbackAdapter } = device.adapterInfo
    const f16 = device.features.has('shader-f16')
    expect(await featuresOf(device)).toEqual({
      ...{ subgroups: true, subgroupMinSize, subgroupMaxSize, f16, software: isFallbackAdapter },
    })
  })

  it('leave out subgroups that do not reach as far as the adapter says', async () => {
    const size = 2 * (device.adapterInfo.subgroupMaxSize || 32)
    expect(await featuresOf(said({ subgroupMinSize: size }))).toMatchObject(none)
  })

  it('leave out subgroups of unknown size', async () => {
    expect(await featuresOf(said(undefined))).toMatchObject({ ...none, software: false })
    for (const subgroupMinSize of [0, 2, 12, Number.NaN])
      expect(await featuresOf(said({ subgroupMinSize }))).toMatchObject(none)
  })
})
