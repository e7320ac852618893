/** Halves in memory, on GPUs that have them: counts that end within a word, and writes in between. */
import { type Tensor, tensor, withDevice } from '@nablajs/tensor'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type WebGpuBackend, webgpu } from '../src/index.ts'
import { describeOnGpu } from './gpu.ts'

describeOnGpu('halves', () => {
  let device: WebGpuBackend
  beforeAll(async () => {
    device = await webgpu()
  })
  afterAll(() => {
    expect(device.gpuErrors).toBe(0)
    device.dispose()
  })

  const test = (title: string, body: () => Promise<void>): void => {
    it(title, async ({ skip }) => {
      if (!device.features.f16) skip('the GPU has no shader-f16')
      await body()
    })
  }

  it('are a dtype where the GPU has shader-f16, and bf16 nowhere', () => {
    expect(device.dtypes.has('f16')).toBe(device.device.features.has('shader-f16'))
    expect(device.dtypes.has('bf16')).toBe(false)
    expect(() => withDevice(device, () => tensor([1], { dtype: 'bf16' }))).toThrow(
      'bf16 is not available on the webgpu device; it has f32, i32, u32, bool',
    )
    if (!device.features.f16)
      expect(() => withDevice(device, () => tensor([1], { dtype: 'f16' }))).toThrow(
        'f16 is not available on the webgpu device; it has f32, i32, u32, bool',
      )
  })

  test('any number of them goes in and out', async () => {
    for (const count of [1, 2, 3, 5, 127, 128, 129, 1023]) {
      const values = Array.from({ length: count }, (_, i) => i / 8 - 3)
      const x: Tensor = withDevice(device, () => tensor(values, { dtype: 'f16' }))
      expect([...(await x.data())]).toEqual(values)
      expect((await device.read(x.buffer)).byteLength).toBe(2 * count)
      x.dispose()
    }
  })

  test('a write within a word leaves its neighbour', async () => {
    const buffer = device.alloc(14)
    const all = Uint16Array.from([1, 2, 3, 4, 5, 6, 7])
    device.write(buffer, all)
    device.write(buffer, Uint16Array.of(20), 2)
    device.write(buffer, Uint16Array.of(30, 40, 50), 4)
    device.write(buffer, Uint16Array.of(60, 70), 10)
    expect([...new Uint16Array(await device.read(buffer))]).toEqual([1, 20, 30, 40, 50, 60, 70])
    expect(() => device.write(buffer, new Uint8Array(3), 4)).toThrow(
      'write: 3 bytes at 4; a GPU takes whole words of 4 bytes, or halves of 2',
    )
    device.free(buffer)
  })
})
