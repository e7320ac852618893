/** Buffers as the contract has them, and their accounting. */
import { type DeviceBuffer, DeviceError, type MemoryInfo } from '@nablajs/tensor/backend'
import type { Failures } from './failures.ts'
import { Block, type Pool } from './pool.ts'

/** A buffer of one {@link Memory}. Only its memory changes it. */
export class WebGpuBuffer implements DeviceBuffer {
  readonly bytes: number
  readonly memory: Memory
  /** Undefined once it is freed. */
  block: Block | undefined
  /** What to do when it is freed, for memory that is not the pool's. */
  readonly onFree: (() => void) | undefined

  constructor(memory: Memory, block: Block, bytes: number, onFree?: () => void) {
    this.memory = memory
    this.block = block
    this.bytes = bytes
    this.onFree = onFree
  }
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`

export interface MemoryLimits {
  /** The most bytes of one buffer. */
  readonly buffer: number
  /** The most bytes of all buffers together. */
  readonly total: number
}

export class Memory {
  readonly #pool: Pool
  readonly #failures: Failures
  readonly #limits: MemoryLimits
  /** Destroys what is kept for later, after submitting what may still use it. */
  readonly #trimAll: () => void
  #disposed = false
  #buffers = 0
  #bytes = 0
  #peak = 0
  #adopted = 0

  constructor(pool: Pool, failures: Failures, limits: MemoryLimits, trimAll: () => void) {
    this.#pool = pool
    this.#failures = failures
    this.#limits = limits
    this.#trimAll = trimAll
  }

  allocate(bytes: number): WebGpuBuffer {
    const buffer = this.#take(bytes)
    this.#count(bytes)
    return buffer
  }

  /** A buffer over memory that belongs to somebody else. */
  adopt(gpu: GPUBuffer, bytes: number, onFree: () => void): WebGpuBuffer {
    this.check('adopt')
    // The pool numbers its own from 0 on.
    const block = new Block(gpu, gpu.size, -++this.#adopted)
    this.#count(bytes)
    return new WebGpuBuffer(this, block, bytes, onFree)
  }

  /** After {@link dispose} or the loss of the device there is nothing left to free, and that is no error. */
  free(buffer: DeviceBuffer): void {
    if (this.#disposed || (this.#failures.lost !== undefined && this.#isOwn(buffer))) return
    this.release(buffer)
    this.#buffers--
    this.#bytes -= buffer.bytes
  }

  /** Memory for the length of a kernel call; not counted as a buffer. */
  scratch(bytes: number): WebGpuBuffer {
    return this.#take(bytes)
  }

  release(buffer: DeviceBuffer): void {
    const block = this.blockOf(buffer, 'free')
    const own = buffer as WebGpuBuffer
    own.block = undefined
    if (own.onFree) own.onFree()
    else this.#pool.give(block)
  }

  /** The GPU buffer behind a buffer; a DeviceError for one that is freed or another device's. */
  blockOf(buffer: DeviceBuffer, what: string): Block {
    this.check(what)
    if (!this.#isOwn(buffer)) throw new DeviceError(`${what}: the buffer is of another device`)
    const { block } = buffer
    if (!block) throw new DeviceError(`${what}: the buffer was freed`)
    return block
  }

  /** Throws a DeviceError once the device is disposed or lost. */
  check(what: string): void {
    if (this.#disposed)
      throw new DeviceError(`${what}: the webgpu device was disposed; make a new one with webgpu()`)
    this.#failures.checkLost(what)
  }

  get info(): MemoryInfo {
    return { buffers: this.#buffers, bytes: this.#bytes, peakBytes: this.#peak }
  }
  resetPeak(): void {
    this.#peak = this.#bytes
  }

  dispose(): void {
    this.#disposed = true
    this.#buffers = 0
    this.#bytes = 0
  }

  #count(bytes: number): void {
    this.#buffers++
    this.#bytes += bytes
    if (this.#bytes > this.#peak) this.#peak = this.#bytes
  }

  #isOwn(buffer: DeviceBuffer): buffer is WebGpuBuffer {
    return buffer instanceof WebGpuBuffer && buffer.memory === this
  }

  #take(bytes: number): WebGpuBuffer {
    this.check('alloc')
    if (!(Number.isSafeInteger(bytes) && bytes >= 0))
      throw new DeviceError(`alloc: ${bytes} is not a number of bytes`)
    const { buffer, total } = this.#limits
    if (bytes > buffer)
      throw new DeviceError(
        `alloc: ${bytes} bytes (${mebibytes(bytes)}) asked; a buffer of this device has at most ` +
          `${buffer} (${mebibytes(buffer)}); split the tensor. ${this.#held()}`,
      )
    if (this.#pool.usedBytes + bytes > total)
      throw new DeviceError(
        `alloc: ${bytes} bytes (${mebibytes(bytes)}) asked; memoryLimit is ${total}. ${this.#held()}`,
      )
    if (!this.#pool.has(bytes) && this.#pool.usedBytes + this.#pool.freeBytes + bytes > total)
      this.#trimAll()
    // A GPU that is full says so later: the message has to be made now.
    const block = this.#pool.has(bytes)
      ? this.#pool.take(bytes)
      : this.#failures.watch(
          `alloc: ${bytes} bytes (${mebibytes(bytes)}) asked. ${this.#held()}`,
          () => this.#pool.take(bytes),
        )
    return new WebGpuBuffer(this, block, bytes)
  }

  #held(): string {
    return (
      `${this.#buffers} buffers hold ${this.#bytes} bytes (${mebibytes(this.#bytes)}), ` +
      `and ${mebibytes(this.#pool.freeBytes)} are kept for later`
    )
  }
}
