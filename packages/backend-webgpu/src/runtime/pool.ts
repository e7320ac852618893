/**
 * GPU buffers that are handed out again. A free buffer may be reused at once, because the queue runs
 * in order: what was recorded before has the old contents. Sizes are rounded up to classes a quarter
 * of a power of two apart, so that a buffer is at most a quarter larger than what was asked, and the
 * free ones are destroyed, the longest unused first, when they hold more than the budget.
 */
export const smallestClass = 256

/** The size that a buffer of `bytes` really has, where a buffer has at most `largest`. */
export function classOf(bytes: number, largest: number = Number.POSITIVE_INFINITY): number {
  if (bytes <= smallestClass) return smallestClass
  const power = 2 ** Math.floor(Math.log2(bytes - 1))
  const step = Math.max(power / 4, 4)
  return Math.min(Math.ceil(bytes / step) * step, largest)
}

/** A GPU buffer, and when the commands that are being recorded use it. */
export class Block {
  readonly gpu: GPUBuffer
  readonly size: number
  readonly id: number
  /** The number of the last submission that uses it. */
  lastUse = -1
  /** When it was given back, on the pool's clock. */
  freedAt = 0

  constructor(gpu: GPUBuffer, size: number, id: number) {
    this.gpu = gpu
    this.size = size
    this.id = id
  }
}

export interface PoolOptions {
  readonly create: (size: number) => GPUBuffer
  /** The most bytes of a buffer. */
  readonly largest: number
  /** The most bytes that free buffers may hold. */
  readonly budget: number
  /** Called after buffers were destroyed: whoever refers to them must forget them. */
  readonly onTrim: () => void
}

export class Pool {
  readonly #create: (size: number) => GPUBuffer
  readonly #onTrim: () => void
  readonly #free: Map<number, Block[]> = new Map()
  readonly #used: Set<Block> = new Set()
  readonly #budget: number
  readonly #largest: number
  #usedBytes = 0
  #freeBytes = 0
  #clock = 0
  #made = 0
  #madeBytes = 0

  constructor({ create, largest, budget, onTrim }: PoolOptions) {
    this.#create = create
    this.#budget = budget
    this.#largest = largest
    this.#onTrim = onTrim
  }

  /** Bytes of the buffers handed out, rounded up to their classes. */
  get usedBytes(): number {
    return this.#usedBytes
  }
  /** Bytes of the buffers kept for later. */
  get freeBytes(): number {
    return this.#freeBytes
  }
  /** GPU buffers made so far: a training loop soon makes no more. */
  get made(): number {
    return this.#made
  }

  /** Their bytes. */
  get madeBytes(): number {
    return this.#madeBytes
  }

  /** Whether a buffer of this size waits to be used again. */
  has(bytes: number): boolean {
    return (this.#free.get(classOf(bytes, this.#largest))?.length ?? 0) > 0
  }

  take(bytes: number): Block {
    const size = classOf(bytes, this.#largest)
    let block = this.#free.get(size)?.pop()
    if (block) this.#freeBytes -= size
    else {
      block = new Block(this.#create(size), size, this.#made++)
      this.#madeBytes += size
    }
    this.#used.add(block)
    this.#usedBytes += size
    return block
  }

  give(block: Block): void {
    this.#used.delete(block)
    this.#usedBytes -= block.size
    this.#freeBytes += block.size
    block.freedAt = this.#clock++
    const list = this.#free.get(block.size)
    if (list) list.push(block)
    else this.#free.set(block.size, [block])
  }

  /** Whether more is kept than the budget allows. */
  get isOverBudget(): boolean {
    return this.#freeBytes > this.#budget
  }

  /**
   * Destroys free buffers until they hold at most `target` bytes. Only when no recorded command
   * that has not been submitted uses them.
   */
  trim(target: number = this.#budget): void {
    if (this.#freeBytes <= target) return
    const all = [...this.#free.values()].flat().sort((a, b) => a.freedAt - b.freedAt)
    for (const block of all) {
      if (this.#freeBytes <= target) break
      const list = this.#free.get(block.size)!
      list.splice(list.indexOf(block), 1)
      this.#freeBytes -= block.size
      block.gpu.destroy()
    }
    this.#onTrim()
  }

  destroy(): void {
    for (const block of this.#used) block.gpu.destroy()
    for (const list of this.#free.values()) for (const block of list) block.gpu.destroy()
    this.#used.clear()
    this.#free.clear()
    this.#usedBytes = 0
    this.#freeBytes = 0
  }
}
