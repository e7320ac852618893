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
import { Launcher } from './codegen/launch.ts'
import { supported } from './codegen/lower.ts'
import { MapRunner } from './codegen/map.ts'
import { ReduceRunner } from './codegen/reduce.ts'
import { createKernels } from './kernels/index.ts'
import { hasSimd } from './kernels/load.ts'
import { Memory } from './memory.ts'

export interface CpuOptions {
  /** The most bytes that all buffers together may take; as much as WebAssembly can (4 GiB). */
  readonly memoryLimit?: number
  /** Whether the memory can be shared between threads, where the system allows it; true. */
  readonly shared?: boolean
}

const none: readonly number[] = []

/** A {@link Backend} on the CPU; see {@link cpu}. */
export class CpuBackend implements Backend {
  readonly name = 'cpu'
  readonly dtypes: ReadonlySet<DType> = supported
  kernels: Partial<Kernels>
  readonly #memory: Memory
  readonly #launcher: Launcher
  readonly #map: MapRunner
  readonly #reduce: ReduceRunner

  constructor(memory: Memory, kernels: Partial<Kernels>) {
    this.#memory = memory
    this.kernels = kernels
    this.#launcher = new Launcher(memory)
    this.#map = new MapRunner(this.#launcher)
    this.#reduce = new ReduceRunner(this.#launcher, this.#map)
  }

  /** How many kernels were generated so far: one for each program and kind of layout. */
  get compiledKernels(): number {
    return this.#launcher.compiled
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
    this.#memory.dispose()
    // Compiled code holds on to the memory it was made for.
    this.#map.clear()
    this.#reduce.clear()
    this.kernels = {}
  }
}

/**
 * Opens the CPU as a device: WebAssembly SIMD kernels, generated for the programs that run. Works
 * wherever WebAssembly has SIMD: Node 22 and later, and browsers since 2023.
 *
 * @throws ArgumentError for an option that is not there or out of range; DeviceError when the system
 * gives no memory, or the engine has no WebAssembly SIMD.
 *
 * @example
 * ```ts
 * import { setDevice, tensor } from '@nablajs/tensor'
 * import { cpu } from '@nablajs/backend-cpu'
 *
 * setDevice(await cpu())
 * console.log(tensor([1, 2, 3]).exp().toString())
 * ```
 */
export async function cpu(options: CpuOptions = {}): Promise<Backend> {
  const { memoryLimit = Number.POSITIVE_INFINITY, shared = true, ...unknown } = options
  for (const name of Object.keys(unknown))
    throw new ArgumentError(`cpu: there is no option ${name}; there are memoryLimit and shared`)
  if (!(memoryLimit >= 0))
    throw new ArgumentError(`cpu: memoryLimit is ${memoryLimit}; it must be a number of bytes`)
  if (!hasSimd())
    throw new DeviceError(
      'cpu: this engine runs WebAssembly without SIMD; Node 22 and browsers since 2023 have it, ' +
        'on processors with SSE4.1 or NEON. reference() of @nablajs/tensor needs none, and is slow',
    )
  const memory = new Memory({ shared, limit: memoryLimit })
  const kernels = await createKernels({
    memory: memory.wasm,
    shared: memory.type.shared,
    scratch: (bytes) => memory.scratch(bytes),
    release: (pointer) => memory.release(pointer),
    pointer: (view) => memory.addressOf(view.buffer, 'kernel') + 4 * view.offset,
  })
  return new CpuBackend(memory, kernels)
}
