/** What is said when something goes wrong, and when. */
import { type Backend, tensor, withDevice } from '@nablajs/tensor'
import { DeviceError, program, type View } from '@nablajs/tensor/backend'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type WebGpuBackend, webgpu } from '../src/index.ts'
import { describeOnGpu } from './gpu.ts'

const view = (device: Backend, size: number): View => ({
  buffer: device.alloc(4 * size),
  dtype: 'f32',
  shape: [size],
  strides: [1],
  offset: 0,
})
const double = program({ name: 'double', inputs: ['f32'] }, (x) => x!.mul(2))

it('refuses options that are not there or out of range', async () => {
  await expect(webgpu({ power: 1 } as object)).rejects.toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: webgpu: there is no option power; there are device, powerPreference, features, memoryLimit and poolLimit]`,
  )
  await expect(webgpu({ memoryLimit: -1 })).rejects.toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: webgpu: memoryLimit is -1; it must be a number of bytes]`,
  )
  await expect(webgpu({ poolLimit: Number.NaN })).rejects.toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: webgpu: poolLimit is NaN; it must be a number of bytes]`,
  )
  await expect(
    webgpu({ powerPreference: 'most' as 'low-power' }),
  ).rejects.toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: webgpu: powerPreference is most; it is 'low-power' or 'high-performance']`,
  )
})

it('says how to install what Node needs', async () => {
  vi.doMock('webgpu', () => {
    throw new Error("Cannot find package 'webgpu'")
  })
  try {
    await expect(webgpu()).rejects.toThrow(
      'webgpu: Node needs the package `webgpu`, which brings Dawn: npm install webgpu',
    )
  } finally {
    vi.doUnmock('webgpu')
  }
})

it('says so where there is no GPU', async () => {
  const navigator = globalThis.navigator
  vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => null } })
  try {
    await expect(webgpu()).rejects.toThrow('webgpu: there is no GPU that WebGPU can use')
  } finally {
    vi.stubGlobal('navigator', navigator)
    vi.unstubAllGlobals()
  }
})

describeOnGpu('errors', () => {
  let device: WebGpuBackend
  beforeEach(async () => {
    device = await webgpu()
  })
  afterEach(() => device.dispose())

  it('names features that the GPU does not have', async () => {
    const feature = 'texture-compression-from-the-future' as GPUFeatureName
    await expect(webgpu({ features: [feature] })).rejects.toThrow(
      'webgpu: the GPU has no texture-compression-from-the-future; it has ',
    )
    await expect(webgpu({ device: device.device, features: [feature] })).rejects.toThrow(
      'webgpu: the device given has no texture-compression-from-the-future',
    )
  })

  it('names the op of a shader that does not compile, at the next read', async () => {
    const x = view(device, 4)
    device.dispatch({
      kernel: {
        name: 'broken',
        code: '@group(0) @binding(0) var<storage, read_write> x: array<f32>;\n@compute @workgroup_size(1) fn main() { x[0] = true; }',
      },
      buffers: [x.buffer],
      params: new Uint32Array(0),
      groups: [1, 1, 1],
    })
    await expect(device.read(x.buffer)).rejects.toThrow(/^broken: the webgpu device says: /)
    expect(device.gpuErrors).toBeGreaterThan(0)
    // Told once; work goes on.
    device.write(x.buffer, Float32Array.of(1, 2, 3, 4))
    device.map(double, [x], [x])
    expect([...new Float32Array(await device.read(x.buffer))]).toEqual([2, 4, 6, 8])
  })

  it('names the op at the next sync, too', async () => {
    const x = view(device, 4)
    const binding = '@group(0) @binding(0) var<storage, read_write> x: array<f32>;'
    device.dispatch({
      // More invocations than any device has in a workgroup.
      kernel: {
        name: 'wide',
        code: `${binding}\n@compute @workgroup_size(65536) fn main() { x[0] = 1; }`,
      },
      buffers: [x.buffer],
      params: new Uint32Array(0),
      groups: [1, 1, 1],
    })
    await expect(device.sync()).rejects.toThrow(/^wide: the webgpu device says: /)
    await device.sync()
  })

  it('refuses a dispatch that does not fit its shader or the device', () => {
    const x = view(device, 4)
    const code =
      '@group(0) @binding(0) var<storage, read_write> x: array<f32>;\n@compute @workgroup_size(1) fn main() { x[0] = 1; }'
    const params = new Uint32Array(0)
    const kernel = { name: 'one', code }
    expect(() => device.dispatch({ kernel, buffers: [], params, groups: [1, 1, 1] })).toThrow(
      'one: 0 buffers came; the shader binds 1',
    )
    const most = device.limits.maxComputeWorkgroupsPerDimension
    expect(() =>
      device.dispatch({ kernel, buffers: [x.buffer], params, groups: [most + 1, 1, 1] }),
    ).toThrow(`one: ${most + 1} x 1 x 1 workgroups; the device runs at most ${most} on each axis`)
    const holes = { name: 'holes', code: code.replace('binding(0)', 'binding(1)') }
    expect(() =>
      device.dispatch({ kernel: holes, buffers: [x.buffer], params, groups: [1, 1, 1] }),
    ).toThrow('holes: the shader binds [nothing, storage]; storage buffers come first')
  })

  it('says what was asked for and what is held when memory is short', async () => {
    const small = await webgpu({ device: device.device, memoryLimit: 4096 })
    small.alloc(2048)
    expect(() => small.alloc(4000)).toThrowErrorMatchingInlineSnapshot(
      `[DeviceError: alloc: 4000 bytes (0.0 MiB) asked; memoryLimit is 4096. 1 buffers hold 2048 bytes (0.0 MiB), and 0.0 MiB are kept for later]`,
    )
    small.dispose()
    const most = Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize)
    expect(() => device.alloc(most + 4)).toThrow(
      `alloc: ${most + 4} bytes (${((most + 4) / 2 ** 20).toFixed(1)} MiB) asked; a buffer of this device has at most`,
    )
    expect(() => device.alloc(-4)).toThrow('alloc: -4 is not a number of bytes')
  })

  it('tells of a GPU that is full at the next wait', async () => {
    const create = vi.spyOn(device.device, 'createBuffer')
    const pop = vi.spyOn(device.device, 'popErrorScope')
    // The last of the three scopes of an allocation is the one for memory.
    pop.mockImplementationOnce(async () => null)
    pop.mockImplementationOnce(async () => ({ message: 'Out of memory' }) as GPUError)
    device.alloc(12345)
    expect(create).toHaveBeenCalledOnce()
    await expect(device.sync()).rejects.toThrow(
      /^alloc: 12345 bytes \(0\.0 MiB\) asked\. 0 buffers hold 0 bytes .*: the webgpu device says: Out of memory$/,
    )
    vi.restoreAllMocks()
  })

  it('refuses writes that are no words, or do not fit', () => {
    const { buffer } = view(device, 4)
    expect(() => device.write(buffer, new Uint8Array(3))).toThrow(
      'write: 3 bytes at 0; a GPU takes whole words of 4 bytes',
    )
    expect(() => device.write(buffer, new Float32Array(5))).toThrowErrorMatchingInlineSnapshot(
      `[DeviceError: write: 20 bytes at 0 do not fit in a buffer of 16]`,
    )
  })

  it('says what to call instead of dataSync', () => {
    const x = withDevice(device, () => tensor([1]))
    expect(() => x.dataSync()).toThrowErrorMatchingInlineSnapshot(
      `[DeviceError: dataSync: the webgpu device cannot be read at once; await data()]`,
    )
    x.dispose()
  })

  it('rejects what is pending when the device is lost, and everything after', async () => {
    const x = view(device, 1024)
    device.map(double, [x], [x])
    const pending = device.read(x.buffer)
    device.device.destroy()
    await expect(pending).rejects.toThrow(
      /^read: the webgpu device was lost \(destroyed.*\); make a new one with webgpu\(\) and load the model from its last copy on the host$/,
    )
    await expect(device.read(x.buffer)).rejects.toThrow('read: the webgpu device was lost')
    await expect(device.sync()).rejects.toThrow('sync: the webgpu device was lost')
    expect(() => device.alloc(4)).toThrow('alloc: the webgpu device was lost')
    expect(() => device.map(double, [x], [x])).toThrow('double: the webgpu device was lost')
    expect(() => device.write(x.buffer, new Float32Array(1))).toThrow(DeviceError)
    expect(() => device.free(x.buffer)).not.toThrow()
  })

  it('rejects what is pending when it is disposed', async () => {
    const x = view(device, 1024)
    const pending = device.read(x.buffer)
    device.dispose()
    await expect(pending).rejects.toThrow('read: the webgpu device was disposed before it was done')
    await expect(device.read(x.buffer)).rejects.toThrow(
      'read: the webgpu device was disposed; make a new one with webgpu()',
    )
  })

  it('leaves a device that was given', async () => {
    const guest = await webgpu({ device: device.device })
    const x = view(guest, 1)
    guest.write(x.buffer, Float32Array.of(21))
    guest.map(double, [x], [x])
    expect(new Float32Array(await guest.read(x.buffer))[0]).toBe(42)
    guest.dispose()
    await device.sync()
  })
})
