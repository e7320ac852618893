/**
 * Transfers between host and device through pinned memory, which the GPU can reach by itself: a
 * write is done with the host's memory when it returns, and a read never blocks the event loop.
 */
import { DeviceError } from '@nablajs/tensor/backend'
import { driverApi } from './api/index.ts'
import type { Context } from './context.ts'
import { ffi } from './ffi.ts'

const { CUDA_ERROR_NOT_READY, CUDA_SUCCESS, CU_EVENT_DISABLE_TIMING } = driverApi.constants

/** Sizes of pinned chunks are powers of two from here. */
const smallestChunk = 2 ** 16

/** The largest piece of a write; chunks beyond it are made for large reads and not kept. */
const largestKept = 2 ** 24

/** How much pinned memory is kept; writes beyond it wait for the oldest to arrive. */
const mostKept = 2 ** 26

/**
 * For how many milliseconds a read asks in every turn of the event loop, before it asks once a
 * millisecond: training steps take that long, and a timer would take as long again.
 */
const eagerTime = 10

interface Chunk {
  readonly address: number
  readonly bytes: Uint8Array
  /** Marks the end of the last transfer. */
  readonly event: number
}

export class Staging {
  readonly #context: Context
  /** Chunks whose transfers may be under way; reads have theirs to themselves until they end. */
  readonly #chunks: Set<Chunk> = new Set()
  /** Chunks of reads that are under way. */
  readonly #lent: Set<Chunk> = new Set()
  #kept = 0

  constructor(context: Context) {
    this.#context = context
  }

  /** Copies host bytes to device memory; the host's may be reused when it returns. */
  write(target: number, source: Uint8Array): void {
    const { driver, stream } = this.#context
    this.#context.refuseCapture('write', 'the host cannot be read')
    for (let start = 0; start < source.length; start += largestKept) {
      const part = source.subarray(start, start + largestKept)
      const chunk = this.#take(part.length)
      chunk.bytes.set(part)
      const code = driver.cuMemcpyHtoDAsync_v2(target + start, chunk.address, part.length, stream)
      this.#context.check(code, 'write')
      this.#context.check(driver.cuEventRecord(chunk.event, stream), 'write')
    }
  }

  /** A copy of device memory as it is after the work so far. */
  async read(source: number, bytes: number): Promise<ArrayBuffer> {
    if (bytes === 0) return new ArrayBuffer(0)
    const chunk = this.#fetch(source, bytes)
    await this.#arrival(chunk, 'read')
    return this.#finish(chunk, bytes)
  }

  /** The same, waiting for it. */
  readSync(source: number, bytes: number): ArrayBuffer {
    if (bytes === 0) return new ArrayBuffer(0)
    const chunk = this.#fetch(source, bytes)
    this.#context.synchronize('read')
    return this.#finish(chunk, bytes)
  }

  /** Resolves when everything submitted has run. */
  async wait(what: string): Promise<void> {
    this.#context.refuseCapture(what, 'nothing can be waited for')
    const chunk = this.#lend(0)
    const { driver, stream } = this.#context
    this.#context.check(driver.cuEventRecord(chunk.event, stream), what)
    await this.#arrival(chunk, what)
    this.#return(chunk)
  }

  dispose(): void {
    // Reads that are under way find the device disposed, and touch their chunks no more.
    if (this.#context.usable)
      for (const chunk of [...this.#chunks, ...this.#lent]) this.#free(chunk)
    this.#chunks.clear()
    this.#lent.clear()
  }

  #fetch(source: number, bytes: number): Chunk {
    const { driver, stream } = this.#context
    this.#context.refuseCapture('read', 'nothing can be waited for')
    const chunk = this.#lend(bytes)
    const code = driver.cuMemcpyDtoHAsync_v2(chunk.address, source, bytes, stream)
    this.#context.check(code, 'read')
    this.#context.check(driver.cuEventRecord(chunk.event, stream), 'read')
    return chunk
  }

  /** Resolves when a transfer has ended; throws the device's error. */
  async #arrival(chunk: Chunk, what: string): Promise<void> {
    const begin = performance.now()
    for (;;) {
      this.#context.enter(what)
      const code = this.#context.driver.cuEventQuery(chunk.event)
      if (code !== CUDA_ERROR_NOT_READY) {
        this.#context.check(code, what)
        return
      }
      await new Promise<void>((resolve) => {
        if (performance.now() - begin < eagerTime) setImmediate(resolve)
        else setTimeout(resolve, 1)
      })
    }
  }

  #finish(chunk: Chunk, bytes: number): ArrayBuffer {
    const copy = new Uint8Array(bytes)
    copy.set(chunk.bytes.subarray(0, bytes))
    this.#return(chunk)
    return copy.buffer
  }

  /** A chunk that nobody else gets until it is returned. */
  #lend(bytes: number): Chunk {
    const chunk = this.#take(bytes)
    this.#chunks.delete(chunk)
    this.#lent.add(chunk)
    return chunk
  }

  #return(chunk: Chunk): void {
    this.#lent.delete(chunk)
    if (chunk.bytes.length <= largestKept) this.#chunks.add(chunk)
    else this.#free(chunk)
  }

  /** A chunk that no transfer uses. */
  #take(bytes: number): Chunk {
    const { driver } = this.#context
    let oldest: Chunk | undefined
    for (const chunk of this.#chunks) {
      if (chunk.bytes.length < bytes) continue
      const code = driver.cuEventQuery(chunk.event)
      if (code === CUDA_ERROR_NOT_READY) {
        oldest ??= chunk
        continue
      }
      this.#context.check(code, 'staging')
      // Used last goes last, so that the first that is busy is the oldest.
      this.#chunks.delete(chunk)
      this.#chunks.add(chunk)
      return chunk
    }
    const size =
      bytes > largestKept
        ? bytes
        : Math.max(smallestChunk, 2 ** Math.ceil(Math.log2(Math.max(1, bytes))))
    if (oldest && this.#kept + size > mostKept) {
      this.#context.check(driver.cuEventSynchronize(oldest.event), 'staging')
      return oldest
    }
    return this.#make(size)
  }

  #make(size: number): Chunk {
    const { driver, cells } = this.#context
    this.#context.check(driver.cuMemHostAlloc(cells.at[0]!, size, 0), 'staging')
    const address = cells.word(0)
    this.#context.check(driver.cuEventCreate(cells.at[0]!, CU_EVENT_DISABLE_TIMING), 'staging')
    const event = cells.word(0)
    const bytes = new Uint8Array(ffi().view(BigInt(address), size))
    const chunk = { address, bytes, event }
    if (size <= largestKept) {
      this.#chunks.add(chunk)
      this.#kept += size
    }
    return chunk
  }

  #free(chunk: Chunk): void {
    const { driver } = this.#context
    driver.cuEventDestroy_v2(chunk.event)
    if (driver.cuMemFreeHost(chunk.address) !== CUDA_SUCCESS)
      throw new DeviceError('staging: the driver does not take its pinned memory back')
  }
}
