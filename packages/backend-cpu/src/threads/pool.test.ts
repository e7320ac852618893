import { spawnSync } from 'node:child_process'
import { Worker } from 'node:worker_threads'
import { DeviceError, program, type View } from '@nablajs/tensor/backend'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { op } from '../codegen/opcodes.ts'
import { assemble, FunctionBuilder } from '../codegen/wasm.ts'
import { cpu } from '../cpu.ts'
import { compileKernels } from '../kernels/load.ts'
import { Memory } from '../memory.ts'
import { Pool, shareEverything, sharing } from './pool.ts'

const entry = new URL('../index.ts', import.meta.url).href
const bytes = 1 << 20

// Instructions that our own kernels have no use for.
const unreachable = 0x00
const i32Store = 0x36

async function started(threads: number): Promise<{ memory: Memory; pool: Pool }> {
  const memory = new Memory({ shared: true, limit: Number.POSITIVE_INFINITY })
  return { memory, pool: await Pool.start(memory, await compileKernels(true), threads) }
}

/** The binary of a kernel whose body `write` makes; its parameters are locals 0, 1 and 2. */
function binary(memory: Memory, write: (f: FunctionBuilder) => void): Uint8Array {
  const f = new FunctionBuilder(['i32', 'i32', 'i32'])
  write(f)
  return assemble([f], memory.type)
}

/** What a caller's part does to leave the others to the workers. */
function sleep(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
}

const double = program({ name: 'double', inputs: ['f32'] }, (x) => x!.add(x!))

/** 262144 numbers, and room for as many. */
function operands(backend: Awaited<ReturnType<typeof cpu>>): [View, View] {
  const view = (): View => {
    const buffer = backend.alloc(bytes)
    return { buffer, dtype: 'f32', shape: [bytes / 4], strides: [1], offset: 0 }
  }
  const [x, y] = [view(), view()]
  backend.write(
    x.buffer,
    Float32Array.from({ length: bytes / 4 }, (_, i) => i),
  )
  return [x, y]
}

function checkDouble(backend: Awaited<ReturnType<typeof cpu>>): void {
  const [x, y] = operands(backend)
  backend.map(double, [x], [y])
  const result = new Float32Array(backend.readSync(y.buffer))
  expect(result.every((value, i) => value === 2 * i)).toBe(true)
  backend.free(x.buffer)
  backend.free(y.buffer)
}

describe('a pool of threads', () => {
  test('shares parts, each done once, by workers too', async () => {
    const { memory, pool } = await started(3)
    const at = memory.scratch(400)
    memory.view(at, 400).fill(0)
    // Adds 7 to each word of a part, which is one word.
    const code = binary(memory, (f) => {
      f.get(1)
      f.i32(4)
      f.op(op.i32Mul)
      f.get(0)
      f.op(op.i32Add)
      f.tee(1)
      f.get(1)
      for (const byte of [op.i32Load, 2, 0]) f.op(byte)
      f.i32(7)
      f.op(op.i32Add)
      for (const byte of [i32Store, 2, 0]) f.op(byte)
    })
    let own = 0
    const words = memory.i32.subarray(at / 4, at / 4 + 100)
    const run = (_: number, start: number): void => {
      // Until a worker has done a part.
      while (own === 0 && words.every((word) => word === 0)) sleep()
      own++
      words[start]! += 7
    }
    pool.run({ run, code }, at, 0, 100, 1)
    expect([...words]).toEqual(new Array(100).fill(7))
    expect(own).toBeGreaterThan(0)
    expect(own).toBeLessThan(100)
    pool.stop()
  })

  test('a kernel that fails in a worker is an error of the caller and ends the device', async () => {
    const { memory, pool } = await started(2)
    const code = binary(memory, (f) => f.op(unreachable))
    expect(() => pool.run({ run: sleep, code }, 0, 0, 100, 1)).toThrow(
      /^cpu: a kernel failed: RuntimeError: unreachable.*; the device cannot be used any more$/,
    )
    expect(() => memory.allocate(4)).toThrow(DeviceError)
    expect(() => memory.allocate(4)).toThrow(
      /^alloc: the cpu device has failed \(a kernel failed: RuntimeError: unreachable.*\); make a new one$/,
    )
  })

  test('a kernel that fails in the caller waits for the workers, and ends the device', async () => {
    const { memory, pool } = await started(2)
    // Slow enough that the caller gets its turn.
    const code = binary(memory, (f) => {
      f.i32(1 << 20)
      f.set(2)
      f.repeat(() => {
        f.get(2)
        f.i32(1)
        f.op(op.i32Sub)
        f.tee(2)
      })
    })
    let calls = 0
    const run = (): void => {
      calls++
      throw new Error('no such luck')
    }
    expect(() => pool.run({ run, code }, 0, 0, 100, 1)).toThrow(
      'cpu: a kernel failed: Error: no such luck',
    )
    expect(calls).toBe(1)
    expect(() => memory.check('sync')).toThrow('no such luck')
  })
})

test('a worker that never finishes does not keep the caller waiting for ever', async () => {
  const { memory, pool } = await started(2)
  const code = binary(memory, (f) => f.repeat(() => f.i32(1)))
  const { patience } = sharing
  sharing.patience = 300
  expect(() => pool.run({ run: sleep, code }, 0, 0, 100, 1)).toThrow(
    'cpu: a kernel failed: a worker thread has not finished its part in 0.3 s',
  )
  sharing.patience = patience
  expect(() => memory.check('sync')).toThrow('the cpu device has failed')
})

describe('workers that do not live', () => {
  const real = process.getBuiltinModule
  afterEach(() => {
    vi.restoreAllMocks()
  })

  /** Puts a class in the place of the workers' own. */
  function replace(Stand: typeof Worker): void {
    vi.spyOn(process, 'getBuiltinModule').mockImplementation(((name: string) =>
      name === 'node:worker_threads' ? { Worker: Stand } : real(name)) as typeof real)
  }

  test('one that does not start', async () => {
    class Broken extends Worker {
      constructor(_script: string | URL, options: object) {
        super('throw new Error("not today")', options)
      }
    }
    replace(Broken)
    const made = cpu({ threads: 2 })
    await expect(made).rejects.toThrow(DeviceError)
    await expect(made).rejects.toThrow(
      'cpu: a worker thread did not start: Error: not today. A content security policy has to allow',
    )
  })

  test('one that ends while it is idle', async () => {
    const workers: Worker[] = []
    class Known extends Worker {
      constructor(script: string | URL, options: object) {
        super(script, options)
        workers.push(this)
      }
    }
    replace(Known)
    const backend = await cpu({ threads: 3 })
    checkDouble(backend)
    expect(workers.length).toBe(2)
    await workers[0]!.terminate()
    expect(() => backend.alloc(4)).toThrow(
      'alloc: the cpu device has failed (a worker thread ended: it exited with code 1); make a new one',
    )
  })

  test('those of a disposed device end', async () => {
    const ended: Promise<unknown>[] = []
    class Known extends Worker {
      constructor(script: string | URL, options: object) {
        super(script, options)
        ended.push(
          new Promise((resolve) => {
            // The device takes its own listeners away when it ends a worker.
            const { terminate } = this
            this.terminate = () => {
              const end = terminate.call(this)
              resolve(end)
              return end
            }
          }),
        )
      }
    }
    replace(Known)
    const backend = await cpu({ threads: 3 })
    checkDouble(backend)
    backend.dispose()
    expect(await Promise.all(ended)).toEqual([1, 1])
    expect(() => backend.alloc(4)).toThrow('the cpu device was disposed')
  })
})

describe('devices with threads', () => {
  test('several in one process', async () => {
    const devices = await Promise.all([1, 2, 3, 2].map((threads) => cpu({ threads })))
    expect(devices.map(({ threads }) => threads)).toEqual([1, 2, 3, 2])
    for (const device of [...devices, ...devices]) checkDouble(device)
    devices[1]!.dispose()
    checkDouble(devices[3]!)
    for (const device of devices) device.dispose()
  })

  test('on memory that grows after the workers have started', async () => {
    const backend = await cpu({ threads: 3 })
    for (let mebibytes = 1; mebibytes <= 64; mebibytes *= 4) {
      const held = backend.alloc(mebibytes << 20)
      checkDouble(backend)
      expect(held.bytes).toBe(mebibytes << 20)
    }
    backend.dispose()
  })

  test('how many there may be', async () => {
    for (const threads of [0, -1, 1.5, Number.NaN])
      await expect(cpu({ threads })).rejects.toThrow(
        `cpu: threads is ${threads}; it must be a whole number from 1`,
      )
    await expect(cpu({ threads: 2, shared: false })).rejects.toThrow(
      'cpu: threads is 2, and they need memory that is shared',
    )
    const alone = await cpu({ shared: false })
    expect(alone.threads).toBe(1)
    alone.dispose()
  })

  test('more than one where memory cannot be shared', async () => {
    vi.stubGlobal('SharedArrayBuffer', undefined)
    const [made, alone] = [cpu({ threads: 2 }), cpu()]
    vi.unstubAllGlobals()
    await expect(made).rejects.toThrow(DeviceError)
    await expect(made).rejects.toThrow(
      '2 threads need shared memory, and a browser gives it only to cross-origin isolated pages. ' +
        'Serve the page with the headers "Cross-Origin-Opener-Policy: same-origin"',
    )
    expect((await alone).threads).toBe(1)
  })

  test('inside of a worker', async () => {
    const worker = new Worker(
      `const { parentPort } = require('node:worker_threads')
      import(${JSON.stringify(entry)}).then(async ({ cpu }) => {
        const backend = await cpu({ threads: 2, blas: false, oneDnn: false })
        const n = 256
        const view = () => ({ buffer: backend.alloc(4 * n * n), dtype: 'f32', shape: [n, n], strides: [n, 1], offset: 0 })
        const [a, b, c] = [view(), view(), view()]
        backend.write(a.buffer, new Float32Array(n * n).fill(2))
        backend.write(b.buffer, new Float32Array(n * n).fill(3))
        for (let i = 0; i < 20; i++) backend.kernels.matmul(a, b, c)
        parentPort.postMessage(new Float32Array(backend.readSync(c.buffer)).every((x) => x === 6 * n))
        backend.dispose()
      })`,
      { eval: true },
    )
    const [right, code] = await Promise.all([
      new Promise((resolve) => worker.once('message', resolve)),
      new Promise((resolve) => worker.once('exit', resolve)),
    ])
    expect([right, code]).toEqual([true, 0])
  })

  test('a process ends by itself while workers are idle', () => {
    const script = `
      const { cpu } = await import(${JSON.stringify(entry)})
      const { threads } = await cpu({ threads: 3 })
      console.log('threads', threads)`
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', script],
      { encoding: 'utf8', timeout: 60_000 },
    )
    expect({ status, stdout }, stderr).toEqual({ status: 0, stdout: 'threads 3\n' })
  })
})

test('a caller that waits for workers longer than it computes goes on alone for a while', async () => {
  const { memory, pool } = await started(2)
  const flag = memory.scratch(64)
  // Says that it has begun, and takes a tenth of a second, as if the worker's core were taken.
  const code = binary(memory, (f) => {
    f.get(0)
    f.i32(1)
    for (const byte of [i32Store, 2, 0]) f.op(byte)
    f.i32(1 << 28)
    f.set(1)
    f.repeat(() => {
      f.get(1)
      f.i32(1)
      f.op(op.i32Sub)
      f.tee(1)
    })
  })
  const run = (): void => {
    while (Atomics.load(memory.i32, flag / 4) === 0) sleep()
  }
  const late = { run, code }
  /** How often a job is not worth sharing, after one. */
  const breakAfter = (): number => {
    memory.i32[flag / 4] = 0
    pool.run(late, flag, 0, 2, 1)
    let jobs = 0
    while (!pool.isWorth(sharing.leastWork)) jobs++
    return jobs
  }
  expect([breakAfter(), breakAfter(), breakAfter()]).toEqual([2, 4, 8])
  const usual = shareEverything()
  expect(breakAfter()).toBe(0)
  usual()
  pool.stop()
})
