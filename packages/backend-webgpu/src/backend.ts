/** The webgpu device: memory, map and reduce behind the contract. */
import {
  type Backend,
  type DeviceBuffer,
  DeviceError,
  type DType,
  type Kernels,
  type MemoryInfo,
  type Program,
  program,
  type Reduction,
  type View,
} from '@nablajs/tensor/backend'
import { dtypesOf } from './codegen/instructions.ts'
import { MapRunner } from './codegen/map.ts'
import { ReduceRunner } from './codegen/reduce.ts'
import { halfKernels, webgpuKernels } from './kernels/index.ts'
import { bufferUsage } from './runtime/constants.ts'
import { Failures } from './runtime/failures.ts'
import type { Dispatch, Features, Limits, Runtime } from './runtime/kernel.ts'
import { Memory } from './runtime/memory.ts'
import { Pool } from './runtime/pool.ts'
import { Recorder, type RecorderStats } from './runtime/recorder.ts'
import { Staging } from './runtime/staging.ts'
import { Waiting } from './runtime/waiting.ts'

/** What a {@link WebGpuBackend} is made of. */
export interface WebGpuParts {
  readonly device: GPUDevice
  /** From `featuresOf`. */
  readonly features: Features
  /** Kept alive as long as the backend: Dawn's device does not keep its instance. */
  readonly gpu?: unknown
  /** Whether the device ends with the backend. */
  readonly owned: boolean
  /** The most bytes that all buffers together may take. */
  readonly memoryLimit: number
  /** The most bytes of freed buffers to keep for later. */
  readonly poolLimit: number
}

/** Figures of the runtime, for benchmarks and tests. */
export interface WebGpuStats extends Omit<RecorderStats, 'parameterBytes'> {
  /** GPU buffers made so far; a training loop soon makes no more. */
  readonly buffersMade: number
  /** Bytes of the GPU buffers made so far. */
  readonly allocatedBytes: number
  /** Bytes that the host wrote so far, parameters of kernels included. */
  readonly uploadedBytes: number
  /** Bytes of freed buffers that are kept for later. */
  readonly pooledBytes: number
}

const copyHalves = program({ name: 'write', inputs: ['f16'] }, (x) => x!)

/** A {@link Backend} on a GPU; see {@link webgpu}. */
export class WebGpuBackend implements Backend, Runtime {
  readonly name = 'webgpu'
  readonly dtypes: ReadonlySet<DType>
  readonly kernels: Partial<Kernels>
  readonly halfKernels: ReadonlySet<keyof Kernels> = halfKernels
  /** The device that everything runs on. */
  readonly device: GPUDevice
  readonly limits: Limits
  readonly features: Features
  readonly #gpu: unknown
  readonly #owned: boolean
  readonly #waiting: Waiting
  readonly #failures: Failures
  readonly #pool: Pool
  readonly #memory: Memory
  readonly #recorder: Recorder
  readonly #staging: Staging
  readonly #map: MapRunner
  readonly #reduce: ReduceRunner
  #writtenBytes = 0
  #disposed = false

  constructor({ device, features, gpu, owned, memoryLimit, poolLimit }: WebGpuParts) {
    this.device = device
    this.#gpu = gpu
    this.#owned = owned
    this.limits = limitsOf(device.limits)
    this.features = features
    this.dtypes = dtypesOf(this.features)
    // A millisecond late is little for a software GPU, and much for a step of a few on another.
    this.#waiting = new Waiting(this.features.software ? 1 : 10)
    this.#failures = new Failures(device, this.#waiting, () => this.#disposed)
    // A kernel binds whole buffers.
    const { maxBufferSize, maxStorageBufferBindingSize } = this.limits
    const largest = Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize) / 4) * 4
    this.#pool = new Pool({
      largest,
      create: (size) =>
        device.createBuffer({
          size,
          usage: bufferUsage.storage | bufferUsage.copySource | bufferUsage.copyTarget,
        }),
      budget: poolLimit,
      onTrim: () => this.#recorder.forgetBindGroups(),
    })
    this.#memory = new Memory(
      this.#pool,
      this.#failures,
      { buffer: largest, total: memoryLimit },
      () => {
        this.#recorder.flush()
        this.#pool.trim(0)
      },
    )
    this.#recorder = new Recorder(device, this.limits, this.#failures, (buffer, what) =>
      this.#memory.blockOf(buffer, what),
    )
    this.#recorder.onSubmit = () => {
      if (this.#pool.isOverBudget) this.#pool.trim()
    }
    this.#staging = new Staging(device, this.#waiting)
    this.#map = new MapRunner(this)
    this.#reduce = new ReduceRunner(this)
    this.kernels = webgpuKernels(this)
  }

  /** How many errors the GPU has reported so far; each is thrown by the read or sync after it, too. */
  get gpuErrors(): number {
    return this.#failures.count
  }

  /** What the runtime has done so far. */
  get stats(): WebGpuStats {
    const { parameterBytes, ...recorded } = this.#recorder.stats
    return {
      ...recorded,
      buffersMade: this.#pool.made,
      allocatedBytes: this.#pool.madeBytes,
      uploadedBytes: this.#writtenBytes + parameterBytes,
      pooledBytes: this.#pool.freeBytes,
    }
  }

  alloc(bytes: number): DeviceBuffer {
    return this.#memory.allocate(bytes)
  }

  free(buffer: DeviceBuffer): void {
    this.#memory.free(buffer)
  }

  scratch(bytes: number): DeviceBuffer {
    return this.#memory.scratch(bytes)
  }

  release(buffer: DeviceBuffer): void {
    this.#memory.release(buffer)
  }

  write(buffer: DeviceBuffer, data: ArrayBufferView, offset: number = 0): void {
    const block = this.#memory.blockOf(buffer, 'write')
    const { byteLength } = data
    if (!(offset >= 0 && offset + byteLength <= buffer.bytes))
      throw new DeviceError(
        `write: ${byteLength} bytes at ${offset} do not fit in a buffer of ${buffer.bytes}`,
      )
    if (byteLength === 0) return
    // What follows the last element is nobody's.
    const whole = byteLength % 4 === 0 || offset + byteLength === buffer.bytes
    if (offset % 4 !== 0 || !whole) {
      this.#writeWithin(buffer, data, offset)
      return
    }
    // The queue writes at once: what was recorded before comes first.
    if (this.#recorder.uses(block)) this.#recorder.flush()
    this.#recorder.onBegin()
    const bytes = new Uint8Array(data.buffer, data.byteOffset, byteLength)
    let plain = bytes as Uint8Array<ArrayBuffer>
    if (byteLength % 4 !== 0) {
      plain = new Uint8Array(Math.ceil(byteLength / 4) * 4)
      plain.set(bytes)
    }
    // Dawn takes no shared memory, and the host may go on writing to it.
    else if (!(bytes.buffer instanceof ArrayBuffer)) plain = new Uint8Array(bytes)
    this.#writtenBytes += byteLength
    this.device.queue.writeBuffer(block.gpu, offset, plain)
  }

  /** Halves that begin or end within a word: the queue writes words only, so a kernel copies them. */
  #writeWithin(buffer: DeviceBuffer, data: ArrayBufferView, offset: number): void {
    const { byteLength } = data
    if (!this.features.f16 || offset % 2 !== 0 || byteLength % 2 !== 0)
      throw new DeviceError(
        `write: ${byteLength} bytes at ${offset}; a GPU takes whole words of 4 bytes` +
          `${this.features.f16 ? ', or halves of 2' : ''}`,
      )
    const shape = [byteLength / 2]
    const strides = [1]
    const given = this.#memory.scratch(byteLength)
    this.write(given, data)
    const from: View = { buffer: given, dtype: 'f16', shape, strides, offset: 0 }
    this.#map.run(copyHalves, [from], [{ ...from, buffer, offset: offset / 2 }], [])
    this.#memory.release(given)
  }

  async read(buffer: DeviceBuffer): Promise<ArrayBuffer> {
    const block = this.#memory.blockOf(buffer, 'read')
    const { bytes } = buffer
    if (bytes === 0) {
      await this.#failures.settle('read')
      return new ArrayBuffer(0)
    }
    const size = Math.ceil(bytes / 4) * 4
    const staging = this.#failures.watch('read', () => this.#staging.take(size))
    this.#recorder.copy(block.gpu, staging, size)
    this.#recorder.flush()
    try {
      const data = await this.#staging.read(staging, bytes)
      await this.#failures.settle('read')
      return data
    } catch (error) {
      if (error instanceof DeviceError) throw error
      throw await this.#explain('read', error)
    }
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
    scalars: readonly number[] = [],
  ): void {
    this.#map.run(program, inputs, outputs, scalars)
  }

  reduce(
    reduction: Reduction,
    inputs: readonly View[],
    output: View,
    scalars: readonly number[] = [],
  ): void {
    this.#reduce.run(reduction, inputs, output, scalars)
  }

  dispatch(call: Dispatch): void {
    this.#memory.check(call.kernel.name)
    this.#recorder.dispatch(call)
  }

  /** Submits what has been recorded, without waiting for it. */
  flush(): void {
    this.#memory.check('flush')
    this.#recorder.flush()
  }

  async sync(): Promise<void> {
    this.#memory.check('sync')
    this.#recorder.flush()
    try {
      await this.#waiting.for(() => this.device.queue.onSubmittedWorkDone())
      await this.#failures.settle('sync')
    } catch (error) {
      if (error instanceof DeviceError) throw error
      throw await this.#explain('sync', error)
    }
  }

  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.#memory.dispose()
    this.#recorder.destroy()
    this.#staging.destroy()
    this.#pool.destroy()
    if (this.#owned) this.device.destroy()
  }

  /** @internal The GPU buffer of a buffer; for sharing it with other libraries. */
  gpuBufferOf(buffer: DeviceBuffer, what: string): GPUBuffer {
    return this.#memory.blockOf(buffer, what).gpu
  }

  /** @internal A buffer over the first `bytes` of somebody else's; `onFree` is called when it is freed. */
  adopt(gpu: GPUBuffer, bytes: number, onFree: () => void): DeviceBuffer {
    return this.#memory.adopt(gpu, bytes, onFree)
  }

  /** @internal Called before this backend records or writes: another recorder of the queue submits first. */
  onBegin(hook: () => void): void {
    this.#recorder.onBegin = hook
  }

  /** @internal Whether there is work that has been recorded and not submitted. */
  get hasRecorded(): boolean {
    return this.#recorder.hasRecorded
  }

  /** Why waiting has failed: the first error before it, the loss of the device, or its end. */
  async #explain(what: string, error: unknown): Promise<Error> {
    if (this.#disposed)
      return new DeviceError(`${what}: the webgpu device was disposed before it was done`)
    // The loss is told apart from the failure that it causes; give it the time to be known.
    await new Promise((resolve) => setTimeout(resolve))
    try {
      await this.#failures.settle(what)
    } catch (failure) {
      return failure as Error
    }
    return new DeviceError(`${what}: ${error}`)
  }
}

/** As plain numbers: a getter of a GPU object is a call into native code. */
function limitsOf(limits: GPUSupportedLimits): Limits {
  return {
    maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
    maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    maxBufferSize: limits.maxBufferSize,
    maxUniformBufferBindingSize: limits.maxUniformBufferBindingSize,
    maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
    maxComputeWorkgroupSizeY: limits.maxComputeWorkgroupSizeY,
    maxComputeWorkgroupSizeZ: limits.maxComputeWorkgroupSizeZ,
    maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
  }
}
