/** The cuda device: memory, map and reduce behind the contract. */
import {
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
import { MapRunner } from './codegen/map.ts'
import { ReduceRunner } from './codegen/reduce.ts'
import type { Device } from './device.ts'
import { capture, type Graph } from './graph.ts'
import { createKernels, halfKernels, type KernelLibraries } from './kernels/index.ts'
import type { Staging } from './staging.ts'

const none: readonly number[] = []

/** A {@link Backend} on an NVIDIA GPU; see `cuda`. */
export class CudaBackend implements Backend {
  readonly name = 'cuda'
  readonly dtypes: ReadonlySet<DType> = new Set<DType>([
    'f16',
    'bf16',
    'f32',
    'f64',
    'i32',
    'u32',
    'bool',
  ])
  readonly halfKernels: ReadonlySet<keyof Kernels> = halfKernels
  kernels: Partial<Kernels>
  readonly #device: Device
  readonly #staging: Staging
  readonly #libraries: KernelLibraries
  readonly #map: MapRunner
  readonly #reduce: ReduceRunner

  constructor(device: Device, staging: Staging, libraries: KernelLibraries) {
    this.#device = device
    this.#staging = staging
    this.#libraries = libraries
    this.kernels = createKernels(device, libraries)
    this.#map = new MapRunner(device)
    this.#reduce = new ReduceRunner(device, this.#map)
  }

  /** The GPU's name, as the driver tells it. */
  get gpuName(): string {
    return this.#device.context.gpuName
  }
  /** How many kernels were made so far: one for each program and kind of layout. */
  get compiledKernels(): number {
    return this.#device.compiler.size
  }

  alloc(bytes: number): DeviceBuffer {
    return this.#device.pool.allocate(bytes)
  }

  free(buffer: DeviceBuffer): void {
    this.#device.pool.free(buffer)
  }

  write(buffer: DeviceBuffer, data: ArrayBufferView, offset: number = 0): void {
    const { context, pool } = this.#device
    context.enter('write')
    const { address } = pool.own(buffer, 'write')
    const { byteLength } = data
    if (!(offset >= 0 && offset + byteLength <= buffer.bytes))
      throw new DeviceError(
        `write: ${byteLength} bytes at ${offset} do not fit in a buffer of ${buffer.bytes}`,
      )
    this.#staging.write(
      address + offset,
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    )
  }

  async read(buffer: DeviceBuffer): Promise<ArrayBuffer> {
    const { context, pool } = this.#device
    context.enter('read')
    return this.#staging.read(pool.own(buffer, 'read').address, buffer.bytes)
  }

  readSync(buffer: DeviceBuffer): ArrayBuffer {
    const { context, pool } = this.#device
    context.enter('read')
    return this.#staging.readSync(pool.own(buffer, 'read').address, buffer.bytes)
  }

  memory(): MemoryInfo {
    return this.#device.pool.info
  }

  resetPeak(): void {
    this.#device.pool.resetPeak()
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

  /**
   * Records a step of constant shape, to run it again without the work of launching its kernels one
   * by one. `step` runs three or four times: once as ever, and then to be recorded, which computes nothing.
   *
   * The graph holds the addresses of its buffers, so new data goes into the same tensors before each
   * replay (`assign`). What optimizers count, and what schedules write into their groups between
   * replays, holds at each replay, and random ops draw anew. Other numbers stay what they were, and so
   * does the path that `step` took; where the two recordings differ, it is refused. Nothing in `step`
   * may read from or write to the host.
   *
   * @throws ArgumentError within another capture, or for an optimizer or a schedule that cannot be
   * captured; DeviceError for reads and writes in `step`, and for a step that is not the same each time.
   *
   * @example
   * ```ts no-run
   * import { assign, setDevice, tensor } from '@nablajs/tensor'
   * import { cuda } from '@nablajs/backend-cuda-node'
   *
   * const device = await cuda()
   * setDevice(device)
   * const x = tensor([1, 2, 3])
   * const graph = device.capture(() => x.exp().sum())
   * assign(x, tensor([4, 5, 6]))
   * graph.replay()
   * console.log(await graph.result.item())
   * ```
   */
  capture<T>(step: () => T): Graph<T> {
    return capture(this.#device, step)
  }

  /** While {@link capture} records: has a function called before each replay; see `Backend.onReplay`. */
  get onReplay(): Backend['onReplay'] {
    return this.#device.context.recording?.onReplay
  }

  async sync(): Promise<void> {
    this.#device.context.enter('sync')
    await this.#staging.wait('sync')
  }

  dispose(): void {
    const { context, pool, compiler } = this.#device
    if (context.disposed) return
    if (context.usable) {
      context.makeCurrent()
      // What still runs may use what is given back here; its errors are nobody's any more.
      context.driver.cuStreamSynchronize(context.stream)
    }
    this.#libraries.blas?.dispose()
    this.#libraries.lt?.dispose()
    this.#libraries.dnn?.dispose()
    this.#staging.dispose()
    compiler.dispose()
    pool.dispose()
    context.dispose()
    this.kernels = {}
  }
}
