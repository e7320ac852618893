import { afterEach, expect, test, vi } from 'vitest'
import { countGpu, writtenBytes } from './counts.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

test('sizes of writes are in elements of typed arrays, and in bytes of buffers', () => {
  const words = new Float32Array(10)
  expect(writtenBytes([undefined, 0, words])).toBe(40)
  expect(writtenBytes([undefined, 0, words, 2])).toBe(32)
  expect(writtenBytes([undefined, 0, words, 2, 3])).toBe(12)
  expect(writtenBytes([undefined, 0, words.buffer, 8])).toBe(32)
  expect(writtenBytes([undefined, 0, words.buffer, 0, 12])).toBe(12)
})

/** WebGPU that does nothing but tell what it got. */
function pretend() {
  const calls: string[] = []
  class GPUComputePassEncoder {}
  class GPUQueue {}
  class GPUDevice {}
  const method = (owner: { prototype: object }, name: string) =>
    Object.defineProperty(owner.prototype, name, {
      value: (...args: unknown[]) => void calls.push(`${name} ${args.length}`),
      configurable: true,
      writable: true,
    })
  method(GPUComputePassEncoder, 'dispatchWorkgroups')
  method(GPUComputePassEncoder, 'dispatchWorkgroupsIndirect')
  method(GPUQueue, 'submit')
  method(GPUQueue, 'writeBuffer')
  method(GPUDevice, 'createBuffer')
  vi.stubGlobal('GPUComputePassEncoder', GPUComputePassEncoder)
  vi.stubGlobal('GPUQueue', GPUQueue)
  vi.stubGlobal('GPUDevice', GPUDevice)
  return calls
}

test('calls are counted while a run lasts, and go on to WebGPU', async () => {
  const calls = pretend()
  const work = async (): Promise<void> => {
    const pass = Object.create(GPUComputePassEncoder.prototype) as GPUComputePassEncoder
    const queue = Object.create(GPUQueue.prototype) as GPUQueue
    const device = Object.create(GPUDevice.prototype) as GPUDevice
    pass.dispatchWorkgroups(1)
    pass.dispatchWorkgroups(2, 3)
    await Promise.resolve()
    queue.submit([])
    queue.writeBuffer({} as GPUBuffer, 0, new Uint32Array(4))
    device.createBuffer({ size: 64, usage: 0 })
    device.createBuffer({ size: 16, usage: 0, mappedAtCreation: true })
  }
  const counts = { dispatches: 2, submissions: 1, uploadedBytes: 32, allocatedBytes: 80 }
  expect(await countGpu(work)).toEqual(counts)
  await work()
  expect(await countGpu(work)).toEqual(counts)
  expect(calls).toHaveLength(3 * 6)
  expect(calls.slice(0, 2)).toEqual(['dispatchWorkgroups 1', 'dispatchWorkgroups 2'])
})

test('a run that fails leaves WebGPU as it was', async () => {
  pretend()
  const { submit } = GPUQueue.prototype
  await expect(countGpu(() => Promise.reject(new Error('lost')))).rejects.toThrow('lost')
  expect(GPUQueue.prototype.submit).toBe(submit)
})
