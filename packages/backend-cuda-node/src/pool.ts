/**
 * Device memory by size classes. Blocks that are freed stay here for the next call that asks for
 * their class: all work runs in one stream, so whoever gets a block next runs after who had it last.
 */
import { type DeviceBuffer, DeviceError, type MemoryInfo } from '@nablajs/tensor/backend'
import { driverApi } from './api/index.ts'
import type { Context } from './context.ts'

const { CUDA_ERROR_OUT_OF_MEMORY } = driverApi.constants

const mebibyte = 2 ** 20

/** Blocks up to this size are cut from segments; larger ones are the driver's own. */
const largestSmall = mebibyte
const segmentBytes = 2 * mebibyte
const smallestBlock = 512

/** Memory of the driver, and for segments how many of its blocks are in use. */
interface Segment {
  readonly address: number
  readonly bytes: number
  used: number
}

/** What the driver gave, or a part of it. */
interface Block {
  readonly address: number
  /** Its size class in bytes. */
  readonly bytes: number
  readonly segment: Segment
}

/** A buffer of one pool. Only its pool changes it. */
export class CudaBuffer implements DeviceBuffer {
  readonly bytes: number
  readonly pool: Pool
  block: Block | undefined
  /** 0 once it is freed. */
  address: number

  constructor(pool: Pool, block: Block, bytes: number) {
    this.pool = pool
    this.block = block
    this.bytes = bytes
    this.address = block.address
  }
}

function put(lists: Map<number, Block[]>, block: Block): void {
  const blocks = lists.get(block.bytes)
  if (blocks) blocks.push(block)
  else lists.set(block.bytes, [block])
}

/** The size that is set aside for so many bytes: at most an eighth more, or whole 2 MiB. */
export function classOf(bytes: number): number {
  if (bytes <= smallestBlock) return smallestBlock
  if (bytes > largestSmall) return Math.ceil(bytes / segmentBytes) * segmentBytes
  const step = Math.max(smallestBlock, 2 ** (Math.floor(Math.log2(bytes - 1)) - 3))
  return Math.ceil(bytes / step) * step
}

export interface PoolOptions {
  /** The most bytes to hold. */
  readonly limit: number
  /** Without reuse every buffer is the driver's own, so that tools see its bounds and its end. */
  readonly reuse: boolean
}

export class Pool {
  readonly #context: Context
  readonly #limit: number
  readonly #reuse: boolean
  /** Free blocks by class. */
  readonly #free: Map<number, Block[]> = new Map()
  readonly #segments: Set<Segment> = new Set()
  /** What is left of the newest segment. */
  #rest: { segment: Segment; at: number } | undefined
  #held = 0
  #buffers = 0
  #bytes = 0
  #peak = 0
  /** Blocks that the graph being captured uses: it needs them at each replay. */
  #pinning: Set<Block> | undefined
  /** Those of them that were freed; only the rest of the capture may have them. */
  readonly #private: Map<number, Block[]> = new Map()
  /** How many graphs use a block. */
  readonly #pins: Map<Block, number> = new Map()
  /** Freed blocks that some graph still uses. */
  readonly #waiting: Set<Block> = new Set()

  constructor(context: Context, { limit, reuse }: PoolOptions) {
    this.#context = context
    this.#limit = limit
    this.#reuse = reuse
    context.onShortage = () => this.releaseCache()
  }

  allocate(bytes: number): CudaBuffer {
    this.#context.enter('alloc')
    if (!(Number.isSafeInteger(bytes) && bytes >= 0))
      throw new DeviceError(`alloc: ${bytes} is not a number of bytes`)
    const buffer = new CudaBuffer(this, this.#take(bytes), bytes)
    this.#buffers++
    this.#bytes += bytes
    if (this.#bytes > this.#peak) this.#peak = this.#bytes
    return buffer
  }

  /** After the device is disposed there is nothing left to free, and that is no error. */
  free(buffer: DeviceBuffer): void {
    if (this.#context.disposed) return
    const own = this.own(buffer, 'free')
    const block = own.block!
    own.block = undefined
    own.address = 0
    this.#buffers--
    this.#bytes -= own.bytes
    this.#give(block)
  }

  /** Memory for the length of a kernel call; not counted as a buffer. */
  scratch<T>(bytes: number, use: (address: number) => T): T {
    const block = this.#take(bytes)
    try {
      return use(block.address)
    } finally {
      this.#give(block)
    }
  }

  /** Memory for as long as the device lives, outside all counts; 0 when there is no room for it. */
  reserve(bytes: number): number {
    const address = this.#held + bytes > this.#limit ? 0 : this.#ask(bytes)
    if (address === 0) return 0
    this.#segments.add({ address, bytes, used: 1 })
    this.#held += bytes
    return address
  }

  /** The buffer as one of this pool's; a DeviceError for one that is freed or another device's. */
  own(buffer: DeviceBuffer, what: string): CudaBuffer {
    if (!(buffer instanceof CudaBuffer && buffer.pool === this))
      throw new DeviceError(`${what}: the buffer is of another device`)
    if (buffer.address === 0) {
      if (this.#context.disposed) this.#context.enter(what)
      throw new DeviceError(`${what}: the buffer was freed`)
    }
    return buffer
  }

  get info(): MemoryInfo {
    return { buffers: this.#buffers, bytes: this.#bytes, peakBytes: this.#peak }
  }
  /** What is held of the driver's memory, the free blocks included. */
  get held(): number {
    return this.#held
  }
  resetPeak(): void {
    this.#peak = this.#bytes
  }

  /** From now on every block that is handed out or used stays out of the cache until {@link unpin}. */
  beginPinning(): void {
    this.#pinning = new Set()
  }
  /** Notes that a captured kernel uses this buffer. */
  use(buffer: CudaBuffer): void {
    if (this.#pinning && buffer.block) this.#pin(buffer.block)
  }
  /** The blocks of the capture that ends here; give them to {@link unpin} when its graph is gone. */
  endPinning(): ReadonlySet<object> {
    const pinned = this.#pinning!
    this.#pinning = undefined
    for (const blocks of this.#private.values())
      for (const block of blocks) this.#waiting.add(block)
    this.#private.clear()
    return pinned
  }
  unpin(blocks: ReadonlySet<object>): void {
    for (const each of blocks) {
      const block = each as Block
      const pins = this.#pins.get(block)! - 1
      if (pins > 0) this.#pins.set(block, pins)
      else {
        this.#pins.delete(block)
        if (this.#waiting.delete(block)) this.#give(block)
      }
    }
  }

  /** Gives what is free back to the driver. Waits for the work that may still use it: not while a graph is captured. */
  releaseCache(): void {
    if (this.#context.capturing) return
    this.#context.synchronize('alloc')
    this.#recycleRest()
    for (const [size, blocks] of this.#free) {
      const kept = blocks.filter(({ segment }) => segment.used > 0)
      if (kept.length > 0) this.#free.set(size, kept)
      else this.#free.delete(size)
    }
    for (const segment of this.#segments) if (segment.used === 0) this.#release(segment)
  }

  /** Gives everything back. */
  dispose(): void {
    if (this.#context.usable) {
      this.#context.makeCurrent()
      for (const segment of this.#segments) this.#context.driver.cuMemFree_v2(segment.address)
    }
    this.#segments.clear()
    this.#free.clear()
    this.#rest = undefined
    this.#held = 0
    this.#buffers = 0
    this.#bytes = 0
  }

  #take(bytes: number): Block {
    const freed =
      this.#pinning && this.#reuse ? this.#private.get(classOf(bytes))?.pop() : undefined
    if (freed) return freed
    const block = this.#find(bytes)
    block.segment.used++
    if (this.#pinning) this.#pin(block)
    return block
  }

  #find(bytes: number): Block {
    if (!this.#reuse) return this.#fresh(Math.max(1, bytes), bytes)
    const size = classOf(bytes)
    const cached = this.#free.get(size)?.pop()
    if (cached) return cached
    if (size > largestSmall || this.#held + segmentBytes > this.#limit)
      return this.#fresh(size, bytes)
    if (!this.#rest || this.#rest.at + size > this.#rest.segment.bytes) {
      this.#recycleRest()
      const { segment } = this.#fresh(segmentBytes, bytes)
      this.#rest = { segment, at: 0 }
    }
    const { segment, at } = this.#rest
    this.#rest.at += size
    return { address: segment.address + at, bytes: size, segment }
  }

  /** What is left of a segment becomes blocks, so that nothing is lost with it. */
  #recycleRest(): void {
    if (!this.#rest) return
    const { segment } = this.#rest
    let { at } = this.#rest
    for (let size = largestSmall; size >= smallestBlock; size /= 2)
      while (at + size <= segment.bytes) {
        put(this.#free, { address: segment.address + at, bytes: size, segment })
        at += size
      }
    this.#rest = undefined
  }

  #give(block: Block): void {
    if (this.#pinning?.has(block)) {
      put(this.#private, block)
      return
    }
    if (this.#pins.has(block)) {
      this.#waiting.add(block)
      return
    }
    block.segment.used--
    if (this.#reuse) put(this.#free, block)
    else if (this.#context.usable) this.#release(block.segment)
  }

  #pin(block: Block): void {
    if (this.#pinning!.has(block)) return
    this.#pinning!.add(block)
    this.#pins.set(block, (this.#pins.get(block) ?? 0) + 1)
  }

  /** Memory of the driver; a second try after giving back what is free. */
  #fresh(size: number, asked: number): Block {
    let address = this.#ask(size)
    if (address === 0) {
      this.releaseCache()
      address = this.#ask(size)
    }
    if (address === 0) throw this.#exhausted(asked)
    const segment: Segment = { address, bytes: size, used: 0 }
    this.#segments.add(segment)
    this.#held += size
    return { address, bytes: size, segment }
  }

  /** 0 when there is no room. */
  #ask(size: number): number {
    if (this.#held + size > this.#limit) return 0
    const { driver, cells } = this.#context
    const code = driver.cuMemAlloc_v2(cells.at[0]!, size)
    if (code === CUDA_ERROR_OUT_OF_MEMORY) return 0
    this.#context.check(code, 'alloc')
    return cells.word(0)
  }

  #release(segment: Segment): void {
    this.#context.makeCurrent()
    this.#context.check(this.#context.driver.cuMemFree_v2(segment.address), 'free')
    this.#segments.delete(segment)
    this.#held -= segment.bytes
  }

  #exhausted(asked: number): DeviceError {
    const { driver, cells } = this.#context
    const known = driver.cuMemGetInfo_v2(cells.at[0]!, cells.at[1]!) === 0
    const room = known ? `; of the GPU's ${cells.word(1)} bytes ${cells.word(0)} are free` : ''
    const limit = Number.isFinite(this.#limit) ? `, of at most ${this.#limit}` : ''
    return new DeviceError(
      `alloc: no room for ${asked} bytes: ${this.#buffers} buffers hold ${this.#bytes} bytes` +
        `, ${this.#held} with what surrounds them${limit}${room}`,
    )
  }
}
