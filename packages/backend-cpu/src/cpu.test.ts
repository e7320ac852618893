import {
  ArgumentError,
  DeviceError,
  DTypeError,
  program,
  ShapeError,
  type View,
} from '@nablajs/tensor/backend'
import { describe, expect, test, vi } from 'vitest'
import { Device } from '../test/device.ts'
import { cpu } from './cpu.ts'
import { hasSimd } from './kernels/load.ts'

const add = program({ name: 'add', inputs: ['f32', 'f32'] }, (x, y) => x!.add(y!))
const copy = program({ name: 'copy', inputs: ['f32'] }, (x) => x!)

describe.each([{ shared: true }, { shared: false }])('a cpu device, %o', (options) => {
  test('write, read and their copies', async () => {
    const backend = await cpu(options)
    expect(backend.name).toBe('cpu')
    const buffer = backend.alloc(16)
    const data = Float32Array.of(1, 2, 3, 4)
    backend.write(buffer, data)
    data.fill(9)
    backend.write(buffer, Float32Array.of(7), 8)
    const first = await backend.read(buffer)
    expect([...new Float32Array(first)]).toEqual([1, 2, 7, 4])
    new Float32Array(first).fill(0)
    expect([...new Float32Array(backend.readSync!(buffer))]).toEqual([1, 2, 7, 4])
    // A view into the middle of a larger array, and bytes.
    backend.write(buffer, Float32Array.of(0, 5, 6, 0).subarray(1, 3), 4)
    backend.write(buffer, Uint8Array.of(0, 0, 128, 63), 0)
    expect([...new Float32Array(backend.readSync!(buffer))]).toEqual([1, 5, 6, 4])
    expect(() => backend.write(buffer, data, 4)).toThrow(
      '16 bytes at 4 do not fit in a buffer of 16',
    )
    const empty = backend.alloc(0)
    expect(backend.readSync!(empty).byteLength).toBe(0)
    await backend.sync()
  })

  test('counts buffers, bytes and the peak', async () => {
    const backend = await cpu(options)
    expect(backend.memory()).toEqual({ buffers: 0, bytes: 0, peakBytes: 0 })
    const [a, b] = [backend.alloc(1000), backend.alloc(24)]
    backend.free(a!)
    expect(backend.memory()).toEqual({ buffers: 1, bytes: 24, peakBytes: 1024 })
    backend.resetPeak()
    expect(backend.memory()).toEqual({ buffers: 1, bytes: 24, peakBytes: 24 })
    backend.free(b!)
    expect(backend.memory().buffers).toBe(0)
  })

  test('computes on memory that has grown many times', async () => {
    const device = await Device.open(options)
    const small = device.view('f32', [3], [1, 2, 3])
    const out = device.empty('f32', [3])
    for (let mebibytes = 1; mebibytes <= 64; mebibytes *= 2) {
      const n = mebibytes << 18
      const large = device.backend.alloc(4 * n)
      device.backend.write(large, Float32Array.of(mebibytes), 4 * n - 4)
      const last: View = { buffer: large, dtype: 'f32', shape: [3], strides: [0], offset: n - 1 }
      device.backend.map(add, [small, last], [out])
      expect(device.read(out)).toEqual([1, 2, 3].map((x) => x + mebibytes))
      device.backend.free(large)
    }
  })

  test('has the special kernels', async () => {
    const device = await Device.open(options)
    const a = device.view('f32', [2, 3], [1, 2, 3, 4, 5, 6])
    const out = device.empty('f32', [2, 2])
    const turned = { ...a, shape: [3, 2], strides: [1, 3] }
    device.backend.kernels.matmul!(a, turned, out)
    expect(device.read(out)).toEqual([14, 32, 32, 77])
    device.free()
    expect(device.backend.memory().bytes).toBe(0)
  })
})

describe('errors of a cpu device', () => {
  test('buffers: freed, foreign, too large', async () => {
    const [backend, other] = [await cpu({ memoryLimit: 1 << 22 }), await cpu()]
    const buffer = backend.alloc(64)
    backend.free(buffer)
    expect(() => backend.free(buffer)).toThrow('free: the buffer was freed')
    expect(() => backend.readSync!(buffer)).toThrow('read: the buffer was freed')
    const foreign = other.alloc(64)
    expect(() => backend.free(foreign)).toThrow('free: the buffer is of another device')
    const view = (own: typeof foreign): View => ({
      buffer: own,
      dtype: 'f32',
      shape: [4],
      strides: [1],
      offset: 0,
    })
    expect(() => backend.map(copy, [view(foreign)], [view(backend.alloc(16))])).toThrow(
      'copy: the buffer is of another device',
    )
    const held = backend.alloc(1 << 20)
    expect(() => backend.alloc(1 << 22)).toThrow(
      'alloc: no room for 4194304 bytes: 2 buffers hold 1048592 bytes',
    )
    expect(() => backend.alloc(1 << 22)).toThrow(DeviceError)
    backend.free(held)
    expect(() => backend.alloc(-1)).toThrow('-1 is not a number of bytes')
    backend.alloc(1 << 21)
  })

  test('after dispose', async () => {
    const backend = await cpu()
    const buffer = backend.alloc(16)
    const view: View = { buffer, dtype: 'f32', shape: [4], strides: [1], offset: 0 }
    backend.dispose()
    const disposed = /the cpu device was disposed/
    expect(() => backend.alloc(4)).toThrow(disposed)
    expect(() => backend.free(buffer)).not.toThrow()
    expect(() => backend.write(buffer, new Uint8Array(1))).toThrow(disposed)
    expect(() => backend.map(copy, [view], [view])).toThrow(disposed)
    expect(() => backend.reduce({ program: copy, combine: 'sum' }, [view], view)).toThrow(disposed)
    await expect(backend.read(buffer)).rejects.toThrow(disposed)
    await expect(backend.sync()).rejects.toThrow(disposed)
    expect(backend.memory().buffers).toBe(0)
  })

  test('options', async () => {
    const unknown = cpu({ threats: 2 } as object)
    await expect(unknown).rejects.toThrow(ArgumentError)
    await expect(unknown).rejects.toThrow('cpu: there is no option threats; there are memoryLimit')
    const limited = cpu({ memoryLimit: Number.NaN })
    await expect(limited).rejects.toThrow(ArgumentError)
    await expect(limited).rejects.toThrow('cpu: memoryLimit is NaN; it must be a number of bytes')
  })

  test('an engine without SIMD', async () => {
    expect(hasSimd()).toBe(true)
    const validate = vi.spyOn(WebAssembly, 'validate').mockReturnValue(false)
    const made = cpu()
    validate.mockRestore()
    await expect(made).rejects.toThrow(DeviceError)
    await expect(made).rejects.toThrow('cpu: this engine runs WebAssembly without SIMD')
  })

  test('calls that do not fit their program', async () => {
    const device = await Device.open()
    const { backend } = device
    const [x, i] = [device.view('f32', [4], [1, 2, 3, 4]), device.view('i32', [4], [1, 2, 3, 4])]
    expect(() => backend.map(add, [x], [x])).toThrow('add: 1 inputs came for 2')
    expect(() => backend.map(add, [x, i], [x])).toThrow('add: input 1 is i32; it must be f32')
    expect(() => backend.map(copy, [x], [i])).toThrow('copy: output 0 is i32; it must be f32')
    expect(() => backend.map(copy, [x], [x], [1])).toThrow('copy: 1 scalars came for 0')
    expect(() => backend.map(copy, [{ ...x, shape: [3] }], [x])).toThrow(ShapeError)
    expect(() => backend.map(copy, [{ ...x, offset: 1 }], [x])).toThrow(
      'copy: a view reaches elements 1 to 4 of a buffer of 4',
    )
    expect(() => backend.map(copy, [x], [{ ...x, strides: [0] }])).toThrow('output 0 repeats')
    const sum = { program: copy, combine: 'sum' } as const
    expect(() => backend.reduce(sum, [x], { ...x, shape: [2] })).toThrow(
      'copy: [4] does not reduce to [2]',
    )
    const truth = program({ name: 'truth', inputs: ['f32'] }, (a) => a!.lt(1))
    expect(() => backend.reduce({ ...sum, program: truth }, [x], x)).toThrow(DTypeError)
    const half = program({ name: 'half', inputs: ['f32'] }, (a) => a!.cast('f64').cast('f32'))
    expect(() => backend.map(half, [x], [x])).toThrow(
      'half: the cpu backend holds f32, i32, u32, bool, f16, bf16, not f64',
    )
  })
})

test('one kernel for each program and kind of layout, and no more', async () => {
  const device = await Device.open()
  const { backend } = device
  const made = (run: () => void): number => {
    const before = backend.compiledKernels
    run()
    return backend.compiledKernels - before
  }
  const dense = (...shape: number[]): View => device.empty('f32', shape)
  const row = { ...dense(64), shape: [5, 64], strides: [0, 1] }
  const turned = { ...dense(6, 5), shape: [5, 6], strides: [1, 5] }
  expect(made(() => backend.map(copy, [dense(7)], [dense(7)]))).toBe(1)
  // Other sizes and shapes, the same loop.
  expect(made(() => backend.map(copy, [dense(1000)], [dense(1000)]))).toBe(0)
  expect(made(() => backend.map(copy, [dense(5, 6)], [dense(5, 6)]))).toBe(0)
  expect(made(() => backend.map(copy, [dense()], [dense()]))).toBe(0)
  // A row repeated, a transposed view, a repeated element.
  expect(made(() => backend.map(copy, [row], [dense(5, 64)]))).toBe(1)
  expect(made(() => backend.map(copy, [{ ...row, shape: [9, 64] }], [dense(9, 64)]))).toBe(0)
  expect(made(() => backend.map(copy, [turned], [dense(5, 6)]))).toBe(1)
  expect(made(() => backend.map(copy, [{ ...row, strides: [0, 0] }], [dense(5, 64)]))).toBe(1)
  const twin = program({ name: 'the same', inputs: ['f32'] }, (x) => x!)
  expect(made(() => backend.map(twin, [dense(3)], [dense(3)]))).toBe(0)

  const sum = { program: copy, combine: 'sum' } as const
  expect(made(() => backend.reduce(sum, [dense(100)], dense(1)))).toBe(1)
  expect(made(() => backend.reduce({ ...sum }, [dense(10, 10)], dense(1, 1)))).toBe(0)
  expect(made(() => backend.reduce({ ...sum, combine: 'max' }, [dense(9)], dense(1)))).toBe(1)
  expect(made(() => backend.reduce({ ...sum, finish: copy }, [dense(9)], dense(1)))).toBe(1)
  device.free()
})
