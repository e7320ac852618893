/**
 * The one WebAssembly memory that all buffers and kernels of a device share, and its accounting.
 */
import { type DeviceBuffer, DeviceError, type MemoryInfo } from '@nablajs/tensor/backend'
import { Allocator } from './allocator.ts'
import type { MemoryType } from './codegen/wasm.ts'

const pageBytes = 65536

/** Page 0 holds the static data of the kernel module; it also makes address 0 no address. */
const reservedPages = 1
const initialPages = 64

/** What a WebAssembly memory can have: 4 GiB. */
const largestPages = 65536

/** A buffer of one {@link Memory}. Only its memory changes it. */
export class CpuBuffer implements DeviceBuffer {
  readonly bytes: number
  readonly memory: Memory
  /** 0 once it is freed. */
  address: number

  constructor(memory: Memory, address: number, bytes: number) {
    this.memory = memory
    this.address = address
    this.bytes = bytes
  }
}

export interface MemoryOptions {
  readonly shared: boolean
  /** The most bytes to hold; more than a WebAssembly memory can have is no limit. */
  readonly limit: number
}

export class Memory {
  wasm: WebAssembly.Memory
  readonly type: MemoryType
  /** The whole memory as words; a new array after the memory has grown. */
  i32: Int32Array<ArrayBufferLike>
  f32: Float32Array<ArrayBufferLike>
  readonly #allocator: Allocator
  readonly #scratch: Map<number, number> = new Map()
  #pages: number
  /** Why nothing can be used any more. */
  #ended: string | undefined
  #buffers = 0
  #bytes = 0
  #peak = 0

  constructor({ shared, limit }: MemoryOptions) {
    const wanted = Math.min(largestPages, Math.floor(limit / pageBytes))
    const { wasm, type, initial } = reserve(shared, Math.max(wanted, reservedPages + 1))
    this.wasm = wasm
    this.type = type
    this.#pages = initial
    this.i32 = new Int32Array(wasm.buffer)
    this.f32 = new Float32Array(wasm.buffer)
    this.#allocator = new Allocator(reservedPages * pageBytes, initial * pageBytes, (bytes) =>
      this.#grow(bytes),
    )
  }

  allocate(bytes: number): CpuBuffer {
    this.check('alloc')
    const buffer = new CpuBuffer(this, this.#take(bytes, 'alloc'), bytes)
    this.#buffers++
    this.#bytes += bytes
    if (this.#bytes > this.#peak) this.#peak = this.#bytes
    return buffer
  }

  /** After {@link end} there is nothing left to free, and that is no error. */
  free(buffer: DeviceBuffer): void {
    if (this.#ended !== undefined) return
    const address = this.addressOf(buffer, 'free')
    this.#allocator.free(address, buffer.bytes)
    ;(buffer as CpuBuffer).address = 0
    this.#buffers--
    this.#bytes -= buffer.bytes
  }

  /** Where a buffer starts; a DeviceError for one that is freed or another device's. */
  addressOf(buffer: DeviceBuffer, what: string): number {
    if (
      buffer instanceof CpuBuffer &&
      buffer.memory === this &&
      buffer.address !== 0 &&
      this.#ended === undefined
    )
      return buffer.address
    this.check(what)
    const own = buffer instanceof CpuBuffer && buffer.memory === this
    throw new DeviceError(
      `${what}: ${own ? 'the buffer was freed' : 'the buffer is of another device'}`,
    )
  }

  /** Throws a DeviceError once the memory has ended. */
  check(what: string): void {
    if (this.#ended !== undefined) throw new DeviceError(`${what}: ${this.#ended}`)
  }

  /** Memory for the length of a kernel call; not counted as a buffer. `what` names the call in errors. */
  scratch(bytes: number, what: string = 'alloc'): number {
    const address = this.#take(bytes, what)
    this.#scratch.set(address, bytes)
    return address
  }
  release(address: number): void {
    const bytes = this.#scratch.get(address)
    if (bytes === undefined) throw new DeviceError(`release: no scratch memory at ${address}`)
    this.#scratch.delete(address)
    this.#allocator.free(address, bytes)
  }

  /** The bytes of a buffer, until the memory grows. */
  view(address: number, bytes: number): Uint8Array<ArrayBufferLike> {
    return new Uint8Array(this.wasm.buffer, address, bytes)
  }

  get info(): MemoryInfo {
    return { buffers: this.#buffers, bytes: this.#bytes, peakBytes: this.#peak }
  }
  resetPeak(): void {
    this.#peak = this.#bytes
  }

  /** Lets go of all memory; any later use is a DeviceError with this reason. */
  end(reason: string): void {
    this.#ended ??= reason
    // WebAssembly memory cannot be freed, only dropped.
    this.wasm = new WebAssembly.Memory({ initial: 0 })
    this.i32 = new Int32Array(0)
    this.f32 = new Float32Array(0)
    this.#buffers = 0
    this.#bytes = 0
  }

  #take(bytes: number, what: string): number {
    if (!(Number.isSafeInteger(bytes) && bytes >= 0))
      throw new DeviceError(`${what}: ${bytes} is not a number of bytes`)
    const address = this.#allocator.allocate(bytes)
    if (address === 0)
      throw new DeviceError(
        `${what}: no room for ${bytes} bytes: ${this.#buffers} buffers hold ${this.#bytes} bytes, ` +
          `and the device's memory can have ${this.type.maximum * pageBytes}`,
      )
    return address
  }

  #grow(bytes: number): number {
    const needed = Math.ceil(bytes / pageBytes)
    // A quarter more than there was, so that a slowly growing program asks rarely.
    const generous = Math.min(this.#pages >>> 2, this.type.maximum - this.#pages)
    for (const pages of generous > needed ? [generous, needed] : [needed])
      if (this.#growBy(pages)) return pages * pageBytes
    return 0
  }

  #growBy(pages: number): boolean {
    if (this.#pages + pages > this.type.maximum) return false
    try {
      this.wasm.grow(pages)
    } catch {
      return false // the system has no more
    }
    this.#pages += pages
    // Growing detaches the old buffer of an unshared memory, and leaves a shared one too short.
    this.i32 = new Int32Array(this.wasm.buffer)
    this.f32 = new Float32Array(this.wasm.buffer)
    return true
  }
}

/**
 * A memory with the largest maximum that the system lets us reserve, shared between threads where
 * that is wanted and possible (in a browser: on cross-origin isolated pages).
 */
function reserve(
  shared: boolean,
  wanted: number,
): { readonly wasm: WebAssembly.Memory; readonly type: MemoryType; readonly initial: number } {
  const kinds = shared && typeof SharedArrayBuffer !== 'undefined' ? [true, false] : [false]
  let failure: unknown
  for (const kind of kinds)
    for (let maximum = wanted; maximum > reservedPages; maximum = Math.floor(maximum / 2)) {
      const initial = Math.min(initialPages, maximum)
      try {
        const wasm = new WebAssembly.Memory({ initial, maximum, shared: kind })
        return { wasm, type: { shared: kind, maximum }, initial }
      } catch (error) {
        failure = error
      }
    }
  throw new DeviceError(`cpu: no WebAssembly memory to be had: ${failure}`)
}
