/**
 * GPU buffers that are handed out again. A free buffer may be reused at once, because the queue runs
 * in order: what was recorded before has the old contents. Sizes are rounded up to classes a quarter
 * of a power of two apart, so that a buffer is at most a quarter larger than what was asked, and the
 * free ones are destroyed, the longest unused first, when they hold more than the budget.
 *
 * Of several the oldest is taken, whenever they were given back. So a step that begins with the same
 * ones free as the step before gets the same ones for the same tensors, and meets the bind groups of
 * that step again.
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

/** Free blocks of one size: a heap with the oldest on top. */
class Oldest {
  readonly blocks: Block[]

  constructor(blocks: Block[] = []) {
    // In order is a heap too.
    this.blocks = blocks.sort((a, b) => a.id - b.id)
  }

  push(block: Block): void {
    const { blocks } = this
    let at = blocks.push(block) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (blocks[above]!.id < block.id) break
      blocks[at] = blocks[above]!
      at = above
    }
    blocks[at] = block
  }

  pop(): Block | undefined {
    const { blocks } = this
    const [top] = blocks
    const last = blocks.pop()
    const { length } = blocks
    if (!last || length === 0) return last
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= length) break
      if (below + 1 < length && blocks[below + 1]!.id < blocks[below]!.id) below++
      if (blocks[below]!.id > last.id) break
      blocks[at] = blocks[below]!
      at = below
    }
    blocks[at] = last
    return top
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
  /** By size. */
  readonly #free: Map<number, Oldest> = new Map()
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
    return (this.#free.get(classOf(bytes, this.#largest))?.blocks.length ?? 0) > 0
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
    const heap = this.#free.get(block.size)
    if (heap) heap.push(block)
    else this.#free.set(block.size, new Oldest([block]))
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
    const all = [...this.#free.values()].flatMap(({ blocks }) => blocks)
    const kept: Block[] = []
    for (const block of all.sort((a, b) => a.freedAt - b.freedAt)) {
      if (this.#freeBytes <= target) kept.push(block)
      else {
        this.#freeBytes -= block.size
        block.gpu.destroy()
      }
    }
    this.#free.clear()
    for (const [size, blocks] of Map.groupBy(kept, ({ size }) => size))
      this.#free.set(size, new Oldest(blocks))
    this.#onTrim()
  }

  destroy(): void {
    for (const block of this.#used) block.gpu.destroy()
    for (const { blocks } of this.#free.values()) for (const block of blocks) block.gpu.destroy()
    this.#used.clear()
    this.#free.clear()
    this.#usedBytes = 0
    this.#freeBytes = 0
  }
}
