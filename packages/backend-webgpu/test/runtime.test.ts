/** What the runtime costs: submissions, buffers, bytes kept; and its limits. */
import { type Program, program, type Scalar, type View } from '@nablajs/tensor/backend'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type WebGpuBackend, webgpu } from '../src/index.ts'
import { classOf } from '../src/runtime/pool.ts'
import { describeOnGpu } from './gpu.ts'

const double = program({ name: 'double', inputs: ['f32'] }, (x) => x!.mul(2))

it('rounds sizes up by at most a quarter', () => {
  expect([0, 1, 256, 257, 320, 1000, 1024, 1025, 3 << 20].map((bytes) => classOf(bytes))).toEqual([
    256,
    256,
    256,
    320,
    320,
    1024,
    1024,
    1280,
    3 << 20,
  ])
  // But not beyond what a buffer may have.
  expect(classOf(2 ** 31 - 4, 2 ** 31 - 4)).toBe(2 ** 31 - 4)
  for (let bytes = 256; bytes < 1e9; bytes = Math.ceil(bytes * 1.37)) {
    expect(classOf(bytes)).toBeGreaterThanOrEqual(bytes)
    expect(classOf(bytes)).toBeLessThanOrEqual(1.25 * bytes + 64)
    expect(classOf(classOf(bytes))).toBe(classOf(bytes))
    expect(classOf(bytes) % 4).toBe(0)
  }
})

describeOnGpu('runtime', () => {
  let device: WebGpuBackend
  const make = (values: ArrayLike<number>, on = device): View => {
    const buffer = on.alloc(4 * values.length)
    on.write(buffer, Float32Array.from(values))
    return { buffer, dtype: 'f32', shape: [values.length], strides: [1], offset: 0 }
  }
  const read = async (view: View, on = device) => [...new Float32Array(await on.read(view.buffer))]

  beforeEach(async () => {
    device = await webgpu()
  })
  afterEach(() => {
    expect(device.gpuErrors).toBe(0)
    device.dispose()
  })

  it('submits once for many kernels', async () => {
    const x = make([1, 2, 3])
    await device.sync()
    const before = device.stats
    for (let i = 0; i < 20; i++) device.map(double, [x], [x])
    expect(await read(x)).toEqual([1, 2, 3].map((v) => v * 2 ** 20))
    expect(device.stats.dispatches - before.dispatches).toBe(20)
    expect(device.stats.submissions - before.submissions).toBe(1)
  })

  it('counts the bytes that it uploads and allocates', async () => {
    const before = device.stats
    const bytes = 3 << 20
    const buffer = device.alloc(bytes)
    device.write(buffer, new Uint8Array(1000))
    expect(device.stats.uploadedBytes - before.uploadedBytes).toBe(1000)
    expect(device.stats.allocatedBytes - before.allocatedBytes).toBeGreaterThanOrEqual(bytes)
    device.free(buffer)
    const { allocatedBytes } = device.stats
    device.free(device.alloc(bytes))
    expect(device.stats.allocatedBytes).toBe(allocatedBytes)
    const x = make([1])
    await device.sync()
    const { uploadedBytes } = device.stats
    device.map(double, [x], [x])
    await device.sync()
    const parameters = device.stats.uploadedBytes - uploadedBytes
    expect(parameters).toBeGreaterThan(0)
    expect(parameters).toBeLessThanOrEqual(256)
  })

  it('makes no buffers, shaders or bind groups once it has been through a step twice', async () => {
    const w = make([1, 2, 3, 4])
    const step = (turn: number) => {
      const views = Array.from({ length: 6 }, () => make([1, 1, 1, 1]))
      for (let i = 1; i < views.length; i++) device.map(double, [views[i - 1]!], [views[i]!])
      device.map(double, [views.at(-1)!], [w])
      // What a step has made ends in no certain order.
      const order = [0, 1, 2, 3, 4, 5].sort((i, j) => ((i * 7 + turn) % 6) - ((j * 7 + turn) % 6))
      for (const i of order) device.free(views[i]!.buffer)
    }
    step(0)
    step(1)
    await device.sync()
    const { buffersMade, compiled } = device.stats
    const bindGroups = vi.spyOn(device.device, 'createBindGroup')
    for (let turn = 2; turn < 12; turn++) step(turn)
    expect(await read(w)).toEqual([64, 64, 64, 64])
    expect(device.stats.buffersMade).toBe(buffersMade)
    expect(device.stats.compiled).toBe(compiled)
    expect(bindGroups).not.toHaveBeenCalled()
  })

  it('finds the bind groups of kernels that come in another order', async () => {
    const [x, y] = [make([1]), make([0])]
    const calls = [
      () => device.map(double, [x], [x]),
      () => device.map(double, [x], [y]),
      () => device.reduce({ program: double, combine: 'sum' }, [x], y),
    ]
    for (const call of calls) call()
    const bindGroups = vi.spyOn(device.device, 'createBindGroup')
    for (const i of [2, 0, 1, 1, 2, 0, 0, 2, 1]) calls[i]!()
    expect(bindGroups).not.toHaveBeenCalled()
    expect(await read(x)).toEqual([16])
    expect(await read(y)).toEqual([32])
  })

  it('submits by itself when the recording is long', async () => {
    const x = make([1])
    const before = device.stats.submissions
    for (let i = 0; i < 600; i++) device.map(double, [x], [x])
    expect(device.stats.submissions - before).toBe(2)
    expect(await read(x)).toEqual([Number.POSITIVE_INFINITY])
  })

  it('keeps freed buffers up to its budget, and gives the rest back', async () => {
    const small = await webgpu({ device: device.device, poolLimit: 1 << 20 })
    const views = Array.from({ length: 8 }, () => make(new Float32Array(1 << 16), small))
    for (const { buffer } of views) small.free(buffer)
    const x = make([1], small)
    small.map(double, [x], [x])
    expect(await read(x, small)).toEqual([2])
    expect(small.stats.pooledBytes).toBeLessThanOrEqual(1 << 20)
    expect(small.stats.pooledBytes).toBeGreaterThan(0)
    small.dispose()
  })

  it('frees what it keeps when the limit would be passed', async () => {
    const small = await webgpu({ device: device.device, memoryLimit: 1 << 20 })
    const first = make(new Float32Array(150_000), small)
    small.map(double, [first], [first])
    small.free(first.buffer)
    const second = make(new Float32Array(200_000).fill(1), small)
    small.map(double, [second], [second])
    expect((await read(second, small)).every((v) => v === 2)).toBe(true)
    expect(small.stats.pooledBytes).toBe(0)
    small.dispose()
  })

  it('takes many elements: more workgroups than one axis has', async () => {
    const count = 65535 * 64 + 100
    const buffer = device.alloc(4 * count)
    const x: View = { buffer, dtype: 'f32', shape: [count], strides: [1], offset: 0 }
    const one: View = { ...make([3]), shape: [count], strides: [0] }
    device.map(double, [one], [x])
    const sum = make([0])
    device.reduce({ program: double, combine: 'sum' }, [x], sum)
    expect(await read(sum)).toEqual([12 * count])
  })

  /** `outputs[j]` is the sum of some inputs. */
  const sums = (inputs: number, outputs: readonly (readonly number[])[]): Program =>
    program({ name: 'sums', inputs: new Array(inputs).fill('f32') }, (...leaves) =>
      outputs.map((terms) => terms.map((i) => leaves[i]!).reduce((a: Scalar, b) => a.add(b))),
    )

  it('splits a map of more buffers than a shader binds', async () => {
    const most = device.limits.maxStorageBuffersPerShaderStage
    const inputs = Array.from({ length: most }, (_, i) => make([i, 1]))
    const outputs = Array.from({ length: 3 }, () => make([0, 0]))
    const source = sums(most, [[0, 1, 2], [3, most - 1], [most - 2]])
    const before = device.stats.dispatches
    device.map(source, inputs, outputs)
    expect(device.stats.dispatches - before).toBe(3)
    expect(await Promise.all(outputs.map((v) => read(v)))).toEqual([
      [3, 3],
      [most + 2, 2],
      [most - 2, 1],
    ])
  })

  it('orders the parts so that inputs are read before they are overwritten', async () => {
    const most = device.limits.maxStorageBuffersPerShaderStage
    const all = Array.from({ length: most + 1 }, (_, i) => make([i]))
    // The first output goes over what the second still needs.
    const parts = sums(most + 1, [[0, 1], [2, 3], [most]])
    device.map(parts, all, [all[2]!, all[4]!, all[5]!])
    expect(await read(all[2]!)).toEqual([1])
    expect(await read(all[4]!)).toEqual([5])
    expect(await read(all[5]!)).toEqual([most])
  })

  it('refuses what cannot be split', () => {
    const most = device.limits.maxStorageBuffersPerShaderStage
    const all = Array.from({ length: most + 1 }, (_, i) => make([i]))
    const [a, b] = [all[0]!, all[1]!]
    expect(() =>
      device.map(sums(most, [all.slice(0, most).map((_, i) => i)]), all.slice(0, most), [
        all[most]!,
      ]),
    ).toThrow(`sums: one output needs more than ${most} buffers`)
    // A swap: each part overwrites what the other needs.
    const rest = all.slice(2).map((_, i) => i + 2)
    expect(() =>
      device.map(
        sums(most + 1, [
          [1, ...rest.slice(0, 3)],
          [0, ...rest.slice(3)],
        ]),
        all,
        [a, b],
      ),
    ).toThrow('and its outputs overwrite what others need; update fewer at once')
  })
})
