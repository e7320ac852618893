/** Which 16-bit floats a device says that it has. */
import { tensor, withDevice } from '@nablajs/tensor'
import { expect, it } from 'vitest'
import { webgpu } from '../src/index.ts'
import { describeOnGpu } from './gpu.ts'

describeOnGpu('halves', () => {
  it('are f16 where the GPU has shader-f16, and bf16 nowhere', async () => {
    const device = await webgpu()
    const make = (dtype: 'f16' | 'bf16') =>
      withDevice(device, () => tensor([1], { dtype }).dispose())
    const held = 'it has f32, i32, u32, bool'
    if (device.device.features.has('shader-f16')) expect(() => make('f16')).not.toThrow()
    else expect(() => make('f16')).toThrow(`f16 is not available on the webgpu device; ${held}`)
    expect(() => make('bf16')).toThrow(`bf16 is not available on the webgpu device; ${held}`)
    device.dispose()
  })
})
