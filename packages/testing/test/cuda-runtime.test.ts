/** What the CUDA device does with its driver: libraries, code for other GPUs, memory, waiting. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CudaBackend, cuda, describe as tell } from '@nablajs/backend-cuda-node'
import { tensor } from '@nablajs/tensor'
import { mapProgram, program } from '@nablajs/tensor/program'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { because, emulated } from './emulated.ts'

const { missing, controls } = emulated()
const reason = missing ?? (controls ? undefined : 'it is for the emulator')
const MiB = 2 ** 20

describe.skipIf(reason !== undefined)(`the runtime of the cuda device${because(reason)}`, () => {
  afterEach(() => {
    controls!.setDevices(1)
    controls!.setCapability(90)
    controls!.setMemory(2 ** 34)
    controls!.setLazy(false)
    vi.restoreAllMocks()
  })

  test('tells why the driver does not start', async () => {
    controls!.setDevices(0)
    const why = 'cuda: the driver does not start: CUDA_ERROR_NO_DEVICE'
    expect(tell().problem).toContain(why)
    expect(tell().gpus).toEqual([])
    await expect(cuda()).rejects.toThrow(why)
  })

  test.each([
    [86, 'older', 'sm_86'],
    [121, 'newer', 'sm_121'],
    [135, 'newer than NVRTC', 'PTX'],
  ])('computes on a GPU of compute capability %i/10, %s (%s)', async (capability) => {
    controls!.setCapability(capability)
    const folder = mkdtempSync(join(tmpdir(), 'nabla-cuda-cache-'))
    const before = process.env['NABLA_CUDA_CACHE']
    process.env['NABLA_CUDA_CACHE'] = folder
    try {
      // The second process finds the code on disk.
      for (let i = 0; i < 2; i++) {
        const device = await cuda()
        const x = tensor([1, 2, 3], { device })
        expect([...(await x.mul(x).data())]).toEqual([1, 4, 9])
        device.dispose()
        expect(readdirSync(folder)).toHaveLength(1)
      }
    } finally {
      if (before === undefined) delete process.env['NABLA_CUDA_CACHE']
      else process.env['NABLA_CUDA_CACHE'] = before
      rmSync(folder, { recursive: true })
    }
  })

  test('gives its cache back where code finds no room on the GPU', async () => {
    const device = await cuda()
    const x = tensor([1, 2], { device })
    controls!.setMemory(controls!.liveBytes() + 4 * MiB)
    const buffers = [device.alloc(2 * MiB), device.alloc(2 * MiB)]
    for (const buffer of buffers) device.free(buffer)
    // All memory is the pool's now, though nobody has a buffer.
    const body = program({ name: 'roomy', inputs: ['f32'] }, (x) => x!.mul(3).add(0.625))
    const y = mapProgram(body, [x])
    expect([...(await y.data())]).toEqual([3.625, 6.625])
    device.dispose()
  })

  test('gives pinned memory of a read back that is under way when it is disposed', async () => {
    const device = await cuda()
    const before = controls!.pinnedBytes()
    const buffer = device.alloc(4 * MiB)
    controls!.setLazy(true)
    const read = device.read(buffer)
    expect(controls!.pinnedBytes()).toBeGreaterThan(before)
    // Another device of this GPU keeps the context, and with it all memory that is not given back.
    const other = await cuda()
    device.dispose()
    await expect(read).rejects.toThrow('read: the cuda device was disposed')
    expect(controls!.pinnedBytes()).toBe(before)
    other.dispose()
  })

  test('takes no more pinned memory for a large read than it has bytes', async () => {
    const device = await cuda()
    const before = controls!.pinnedBytes()
    const buffer = device.alloc(17 * MiB)
    controls!.setLazy(true)
    const read = device.read(buffer)
    expect(controls!.pinnedBytes() - before).toBe(17 * MiB)
    await read
    expect(controls!.pinnedBytes()).toBe(before)
    device.dispose()
  })

  /** A read behind `launches` kernels that run one by one, at the looks for the read. */
  async function lateRead(device: CudaBackend, launches: number): Promise<number> {
    controls!.setLazy(true)
    let x = tensor([0], { device })
    for (let i = 0; i < launches; i++) x = x.add(1)
    return x.item()
  }

  test('a read looks in every turn of the event loop for the time of a training step', async () => {
    const device = await cuda()
    const clock = vi.spyOn(performance, 'now').mockReturnValue(0)
    const timer = vi.spyOn(globalThis, 'setTimeout')
    expect(await lateRead(device, 200)).toBe(200)
    expect(timer).not.toHaveBeenCalled()
    // Later on it leaves the processor to others.
    let now = 0
    clock.mockImplementation(() => now++)
    expect(await lateRead(device, 40)).toBe(40)
    expect(timer.mock.calls.every(([, after]) => after === 1)).toBe(true)
    expect(timer.mock.calls.length).toBeGreaterThan(20)
    device.dispose()
  })
})
