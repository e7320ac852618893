/** What the CUDA device says and does beyond the contract: memory, errors, several GPUs, graphs. */
import {
  type CudaBackend,
  type CudaOptions,
  cuda,
  describe as tell,
} from '@nablajs/backend-cuda-node'
import {
  type Backend,
  linspace,
  matmul,
  reference,
  type Tensor,
  tensor,
  zeros,
} from '@nablajs/tensor'
import { program } from '@nablajs/tensor/program'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { because, emulated, emulatorAlone } from './emulated.ts'

const found = emulated()
const { missing, controls } = found
const alone = emulatorAlone(found)
const MiB = 2 ** 20

describe.skipIf(missing !== undefined)(`the cuda device${because(missing)}`, () => {
  let device: CudaBackend
  beforeEach(async () => {
    device = await cuda()
  })
  afterEach(() => device.dispose())

  const floats = async (x: Tensor): Promise<number[]> => [...(await x.data())].map(Number)

  test('refuses options that are not there or out of range', async () => {
    const wrong = (options: object, message: string) =>
      expect(cuda(options as CudaOptions)).rejects.toThrow(message)
    await wrong({ gpu: 1 }, 'cuda: there is no option gpu; there are device, memoryLimit and')
    await wrong({ device: -1 }, 'cuda: device is -1; it must be 0 or a whole number above')
    await wrong({ memoryLimit: Number.NaN }, 'cuda: memoryLimit is NaN; it must be a number of')
    await wrong({ allowTF32: 1 }, 'cuda: allowTF32 is 1; it must be true or false')
    await wrong({ device: 99 }, 'cuda: device 99 is not there: the driver sees')
  })

  test('keeps to its memory limit, and says what it holds', async () => {
    const small = await cuda({ memoryLimit: 8 * MiB })
    const first = small.alloc(6 * MiB)
    expect(() => small.alloc(6 * MiB)).toThrow(
      `alloc: no room for ${6 * MiB} bytes: 1 buffers hold ${6 * MiB} bytes, ${6 * MiB} with what surrounds them, of at most ${8 * MiB}`,
    )
    small.free(first)
    // The cached block of another class is given back to make room.
    const second = small.alloc(8 * MiB)
    expect(small.memory()).toEqual({ buffers: 1, bytes: 8 * MiB, peakBytes: 8 * MiB })
    small.free(second)
    small.dispose()
  })

  test.skipIf(!controls)(`gives its cache back when the GPU is full${alone}`, () => {
    controls!.setMemory(64 * MiB)
    try {
      const buffers = Array.from({ length: 10 }, () => device.alloc(4 * MiB))
      for (const buffer of buffers) device.free(buffer)
      device.free(device.alloc(40 * MiB))
      expect(() => device.alloc(100 * MiB)).toThrow('alloc: no room for 104857600 bytes: 0 buffers')
    } finally {
      controls!.setMemory(2 ** 34)
    }
  })

  test.skipIf(!controls)(`gives everything back when it is disposed${alone}`, async () => {
    const before = controls!.liveBytes()
    const other = await cuda()
    const x = tensor([1, 2, 3], { device: other })
    await floats(x.exp())
    other.dispose()
    expect(controls!.liveBytes()).toBe(before)
    expect(() => other.alloc(4)).toThrow('alloc: the cuda device was disposed')
    other.free(x.buffer)
  })

  test('names the op and the error of a buffer that is gone or of another device', async () => {
    const other = await cuda()
    const buffer = device.alloc(16)
    expect(() => other.readSync(buffer)).toThrow('read: the buffer is of another device')
    device.free(buffer)
    expect(() => device.free(buffer)).toThrow('free: the buffer was freed')
    await expect(device.read(buffer)).rejects.toThrow('read: the buffer was freed')
    expect(() => device.write(device.alloc(4), new Float32Array(2))).toThrow(
      'write: 8 bytes at 0 do not fit in a buffer of 4',
    )
    other.dispose()
  })

  test('moves more than its staging memory holds', async () => {
    const data = Float32Array.from({ length: 10 * MiB }, (_, i) => i)
    const buffer = device.alloc(data.byteLength)
    device.write(buffer, data)
    const back = new Float32Array(await device.read(buffer))
    expect(back.every((value, i) => value === data[i])).toBe(true)
    expect(device.readSync(buffer)).toEqual(back.buffer)
  })

  test('a read is what was there when it was asked for', async () => {
    const buffer = device.alloc(4)
    const reads: Promise<ArrayBuffer>[] = []
    for (let i = 0; i < 50; i++) {
      device.write(buffer, Float32Array.of(i))
      reads.push(device.read(buffer))
    }
    const values = (await Promise.all(reads)).map((bytes) => new Float32Array(bytes)[0])
    expect(values).toEqual(Array.from({ length: 50 }, (_, i) => i))
  })

  test.skipIf(!controls)(`each GPU is a device of its own${alone}`, async () => {
    controls!.setDevices(2)
    try {
      const second = await cuda({ device: 1 })
      const [a, b] = [device, second].map((own, i) => tensor([1 + i, 2], { device: own }))
      const [y, z] = [a!.mul(3), b!.mul(3)]
      expect([await floats(y), await floats(z)]).toEqual([
        [3, 6],
        [6, 6],
      ])
      expect(tell().gpus).toHaveLength(2)
      second.dispose()
      expect(await floats(a!.add(1))).toEqual([2, 3])
    } finally {
      controls!.setDevices(1)
    }
  })

  test('computes in f64 as the reference does', async () => {
    const truth = reference()
    const run = async (own: Backend): Promise<number[][]> => {
      const x = linspace(-3, 3, 37, { device: own, dtype: 'f64' })
      const y = x.exp().sub(x.mul(1e-9)).tanh()
      const wide = x.reshape([37, 1]).mul(y)
      const all = [
        y,
        wide.sum(),
        wide.max(1),
        wide.argmax(0),
        y.cast('i32').cast('f64'),
        matmul(wide, wide),
      ]
      return Promise.all(all.map(async (each) => [...(await each.data())].map(Number)))
    }
    const [actual, expected] = [await run(device), await run(truth)]
    actual.forEach((values, k) => {
      expect(values).toHaveLength(expected[k]!.length)
      values.forEach((value, i) => {
        const wanted = expected[k]![i]!
        expect(Math.abs(value - wanted)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(wanted)))
      })
    })
  })

  test('multiplies with TF32 allowed, and without cuBLAS', async () => {
    const product = async (own: CudaBackend): Promise<number[]> => {
      const x = tensor(
        [
          [1, 2],
          [3, 4],
        ],
        { device: own },
      )
      const y = await floats(matmul(x, x))
      own.dispose()
      return y
    }
    expect(await product(await cuda({ allowTF32: true }))).toEqual([7, 10, 15, 22])
    const before = process.env['NABLA_CUDA_CUBLAS']
    process.env['NABLA_CUDA_CUBLAS'] = 'off'
    try {
      expect(await product(await cuda())).toEqual([7, 10, 15, 22])
    } finally {
      if (before === undefined) delete process.env['NABLA_CUDA_CUBLAS']
      else process.env['NABLA_CUDA_CUBLAS'] = before
    }
  })

  describe('a captured graph', () => {
    test('runs again on what its buffers hold', async () => {
      const x = tensor([1, 2, 3], { device })
      const sum = zeros([3], { device })
      const add = program({ name: 'accumulate', inputs: ['f32', 'f32'] }, (s, v) => s!.add(v!))
      let runs = 0
      const graph = device.capture(() => {
        runs++
        const square = x.mul(x)
        device.map(add, [sum, square], [sum])
        const result = square.sum()
        square.dispose()
        return result
      })
      expect(runs).toBe(3)
      // The first run computed; the recordings did not.
      expect(await floats(sum)).toEqual([1, 4, 9])
      graph.replay()
      expect(await graph.result.item()).toBe(14)
      device.write(x.buffer, Float32Array.of(2, 0, 1))
      // What others allocate meanwhile is not the graph's memory.
      const others = Array.from({ length: 20 }, (_, i) => tensor([i, i, i], { device }))
      graph.replay()
      expect(await graph.result.item()).toBe(5)
      expect(await floats(sum)).toEqual([6, 8, 19])
      expect(await Promise.all(others.map((other) => floats(other)))).toEqual(
        others.map((_, i) => [i, i, i]),
      )
      graph.dispose()
      expect(() => graph.replay()).toThrow('replay: the graph was disposed')
      expect(await floats(x.add(1))).toEqual([3, 1, 2])
    })

    test('refuses what waits for the host, and the device works on', async () => {
      const x = tensor([1, 2, 3], { device })
      const refused = (step: () => unknown, message: string) =>
        expect(() => device.capture(step)).toThrow(message)
      /** In the second run, which is recorded. */
      const later = (step: () => void) => {
        let runs = 0
        return () => {
          if (runs++ === 1) step()
        }
      }
      refused(
        later(() => device.readSync(x.buffer)),
        'read: nothing can be waited for while a graph is captured',
      )
      refused(
        later(() => device.write(x.buffer, Float32Array.of(1, 1, 1))),
        'write: the host cannot be read while a graph is captured',
      )
      refused(() => device.capture(() => {}), 'capture: a graph is being captured already')
      expect(await floats(x.add(1))).toEqual([2, 3, 4])
    })
  })

  test.skipIf(!controls)(`names the kernel after which it is lost${alone}`, async () => {
    const lost = await cuda()
    const x = tensor([1, 2, 3], { device: lost })
    // The index is far outside: the contract leaves that to the caller.
    const at = tensor([2 ** 30], { device: lost, dtype: 'i32' })
    let said = ''
    try {
      x.gather(0, at)
      await lost.sync()
    } catch (error) {
      said = (error as Error).message
    }
    expect(said).toMatch(/the cuda device is lost: CUDA_ERROR_ILLEGAL_ADDRESS .* in gather/)
    expect(() => lost.alloc(4)).toThrow('the cuda device is lost since')
    lost.dispose()
    controls!.reset()
    device = await cuda()
  })
})
