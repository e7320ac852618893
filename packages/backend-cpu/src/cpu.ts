/** The cpu device: memory, map and reduce behind the contract. */
import {
  ArgumentError,
  type Backend,
  type DeviceBuffer,
  DeviceError,
  type DType,
  type Kernels,
  type MemoryInfo,
  type Program,
  type Reduction,
  type View,
} from '@nablajs/tensor/backend'
import { openNative } from '#native'
import { Halves } from './codegen/halves.ts'
import { Launcher } from './codegen/launch.ts'
import { supported } from './codegen/lower.ts'
import { MapRunner } from './codegen/map.ts'
import { ReduceRunner } from './codegen/reduce.ts'
import { createContext, createKernels } from './kernels/index.ts'
import { compileKernels, hasRelaxedSimd, hasSimd } from './kernels/load.ts'
import type { Context } from './kernels/runtime.ts'
import { Memory } from './memory.ts'
import { withNative } from './native/kernels.ts'
import type { LibraryChoice, Native, NativeLibrary } from './native/types.ts'
import { Pool } from './threads/pool.ts'
import { availableThreads } from './threads/start.ts'

export interface CpuOptions {
  /** The most bytes that all buffers together may take; as much as WebAssembly can (4 GiB). */
  readonly memoryLimit?: number
  /** Whether the memory can be shared between threads, where the system allows it; true. */
  readonly shared?: boolean
  /**
   * How many threads compute, the caller among them: a whole number from 1. By default as many as the
   * system can run at once, at most 16; and 1 where memory cannot be shared: with `shared: false`, and
   * in a page that is not cross-origin isolated.
   */
  readonly threads?: number
  /**
   * The BLAS for matrix products, in Node: `'auto'` (the default) takes the first that is installed of
   * Accelerate, OpenBLAS, MKL and BLIS, `false` none, a string a kind (`'openblas'`), a file or a name
   * that the system's loader knows. The environment variable `NABLA_BLAS` says the same (`off` for
   * none) where the option does not.
   */
  readonly blas?: LibraryChoice
  /** oneDNN for convolutions, in Node: likewise, with `NABLA_ONEDNN`. */
  readonly oneDnn?: LibraryChoice
}

/** What a cpu device computes with; see {@link CpuBackend.describe}. */
export interface CpuDescription {
  /** `'relaxed'` has fused multiply-add. */
  readonly simd: 'relaxed' | 'plain'
  /** Whether the memory can be shared between threads. */
  readonly sharedMemory: boolean
  /** How many threads compute, the caller among them. */
  readonly threads: number
  /** The library for matrix products, or why there is none. */
  readonly blas: NativeLibrary | string
  /** The library for convolutions, or why there is none. */
  readonly oneDnn: NativeLibrary | string
}

const none: readonly number[] = []

/** A {@link Backend} on the CPU; see {@link cpu}. */
export class CpuBackend implements Backend {
  readonly name = 'cpu'
  readonly dtypes: ReadonlySet<DType> = supported
  /** How many threads compute, the caller among them. */
  readonly threads: number
  kernels: Partial<Kernels>
  readonly #pool: Pool | undefined
  readonly #memory: Memory
  readonly #native: Native
  readonly #halves: Halves
  readonly #launcher: Launcher
  readonly #map: MapRunner
  readonly #reduce: ReduceRunner

  constructor(memory: Memory, context: Context, native: Native) {
    const { pool } = context
    const address = (view: View): number => context.pointer(view)
    this.#memory = memory
    this.#native = native
    this.kernels = withNative(createKernels(context), native, address)
    this.#pool = pool
    this.threads = pool?.threads ?? 1
    this.#halves = new Halves(memory, context)
    this.#launcher = new Launcher(memory, this.#halves, pool)
    this.#map = new MapRunner(this.#launcher)
    this.#reduce = new ReduceRunner(this.#launcher, this.#map)
  }

  /** How many kernels were generated so far: one for each program and kind of layout. */
  get compiledKernels(): number {
    return this.#launcher.compiled
  }

  /** What was found on this machine. */
  describe(): CpuDescription {
    return {
      simd: hasRelaxedSimd() ? 'relaxed' : 'plain',
      sharedMemory: this.#memory.type.shared,
      threads: this.threads,
      blas: this.#native.blas,
      oneDnn: this.#native.oneDnn,
    }
  }

  alloc(bytes: number): DeviceBuffer {
    return this.#memory.allocate(bytes)
  }

  free(buffer: DeviceBuffer): void {
    this.#memory.free(buffer)
  }

  write(buffer: DeviceBuffer, data: ArrayBufferView, offset: number = 0): void {
    const address = this.#memory.addressOf(buffer, 'write')
    const { byteLength } = data
    if (!(offset >= 0 && offset + byteLength <= buffer.bytes))
      throw new DeviceError(
        `write: ${byteLength} bytes at ${offset} do not fit in a buffer of ${buffer.bytes}`,
      )
    const bytes = new Uint8Array(data.buffer, data.byteOffset, byteLength)
    this.#memory.view(address + offset, byteLength).set(bytes)
  }

  readSync(buffer: DeviceBuffer): ArrayBuffer {
    const address = this.#memory.addressOf(buffer, 'read')
    const copy = new Uint8Array(buffer.bytes)
    copy.set(this.#memory.view(address, buffer.bytes))
    return copy.buffer
  }

  async read(buffer: DeviceBuffer): Promise<ArrayBuffer> {
    return this.readSync(buffer)
  }

  memory(): MemoryInfo {
    return this.#memory.info
  }

  resetPeak(): void {
    this.#memory.resetPeak()
  }

  map(
    program: Program,
    inputs: readonly View[],
    outputs: readonly View[],
    scalars: readonly number[] = none,
  ): void {
    this.#map.run(program, inputs, outputs, scalars)
  }

  reduce(
    reduction: Reduction,
    inputs: readonly View[],
    output: View,
    scalars: readonly number[] = none,
  ): void {
    this.#reduce.run(reduction, inputs, output, scalars)
  }

  async sync(): Promise<void> {
    // Nothing is ever left running: every call has done its work when it returns.
    this.#memory.check('sync')
  }

  dispose(): void {
    this.#pool?.stop()
    this.#memory.end('the cpu device was disposed')
    // Compiled code holds on to the memory it was made for.
    this.#map.clear()
    this.#reduce.clear()
    this.#halves.clear()
    this.kernels = {}
    this.#native.dispose()
  }
}

/**
 * Opens the CPU as a device: WebAssembly SIMD kernels, generated for the programs that run, on as many
 * threads as there are. Works wherever WebAssembly has SIMD: Node 22 and later, and browsers since
 * 2023. Results are the same bits for every number of threads.
 *
 * Threads need shared memory, which a browser gives only to pages that are cross-origin isolated.
 * Elsewhere there is one thread, and `threads` of the device says so.
 *
 * @throws ArgumentError for an option that is not there or out of range; DeviceError when the system
 * gives no memory, the engine has no WebAssembly SIMD, or `threads` asks for more than one where there
 * is no shared memory or a worker does not start.
 *
 * @example
 * ```ts
 * import { setDevice, tensor } from '@nablajs/tensor'
 * import { cpu } from '@nablajs/backend-cpu'
 *
 * const device = await cpu({ threads: 2 })
 * setDevice(device)
 * console.log(tensor([1, 2, 3]).exp().toString())
 * device.dispose()
 * ```
 */
export async function cpu(options: CpuOptions = {}): Promise<CpuBackend> {
  const {
    memoryLimit = Number.POSITIVE_INFINITY,
    shared = true,
    threads,
    blas = 'auto',
    oneDnn = 'auto',
    ...unknown
  } = options
  for (const name of Object.keys(unknown))
    throw new ArgumentError(
      `cpu: there is no option ${name}; there are memoryLimit, shared, threads, blas and oneDnn`,
    )
  if (!(memoryLimit >= 0))
    throw new ArgumentError(`cpu: memoryLimit is ${memoryLimit}; it must be a number of bytes`)
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1))
    throw new ArgumentError(`cpu: threads is ${threads}; it must be a whole number from 1`)
  if (!shared && threads !== undefined && threads > 1)
    throw new ArgumentError(`cpu: threads is ${threads}, and they need memory that is shared`)
  if (!hasSimd())
    throw new DeviceError(
      'cpu: this engine runs WebAssembly without SIMD; Node 22 and browsers since 2023 have it, ' +
        'on processors with SSE4.1 or NEON. reference() of @nablajs/tensor needs none, and is slow',
    )
  const memory = new Memory({ shared, limit: memoryLimit })
  const { shared: isShared } = memory.type
  if (!isShared && threads !== undefined && threads > 1)
    throw new DeviceError(
      `cpu: ${threads} threads need shared memory, and a browser gives it only to cross-origin ` +
        'isolated pages. Serve the page with the headers "Cross-Origin-Opener-Policy: same-origin" ' +
        'and "Cross-Origin-Embedder-Policy: require-corp", or leave threads out to run on one',
    )
  // Before any worker runs: a library that was asked for and is not there is an error.
  const native = await openNative({
    memory: memory.wasm,
    ...(threads === undefined ? {} : { threads }),
    blas,
    oneDnn,
  })
  const module = await compileKernels(isShared)
  const wanted = isShared ? (threads ?? availableThreads()) : 1
  const pool = wanted > 1 ? await Pool.start(memory, module, wanted) : undefined
  const context = await createContext(
    {
      memory: memory.wasm,
      shared: isShared,
      pool,
      scratch: (bytes) => memory.scratch(bytes),
      release: (pointer) => memory.release(pointer),
      pointer: (view) => memory.addressOf(view.buffer, 'kernel') + 4 * view.offset,
    },
    module,
  )
  const device = new CpuBackend(memory, context, native)
  if (pool) forgotten.register(device, pool)
  return device
}

/** Ends the workers of devices that were neither disposed nor kept. */
const forgotten: FinalizationRegistry<Pool> = new FinalizationRegistry((pool) => pool.stop())
