/**
 * Hands out pieces of one growing range of addresses. Pure bookkeeping: it never touches memory.
 *
 * Small sizes come in classes with a free list each, cut from slabs. Large ones take the best
 * fitting free block, and neighbours join when they are freed.
 */

/** Every address is a multiple of this: a cache line. */
export const alignment = 64

const slabBytes = 1 << 16
const largestSmall = 1 << 14
const largeGranule = 1 << 12

interface SizeClass {
  readonly bytes: number
  readonly free: number[]
  /** The part of the newest slab that was never handed out. */
  next: number
  end: number
}

export class Allocator {
  #end: number
  readonly #grow: (bytes: number) => number
  readonly #classes: SizeClass[] = []
  /** The class of each small size, by number of cache lines. */
  readonly #classOf: SizeClass[] = []
  /** Free large blocks, ordered by size, then address. */
  readonly #free: { readonly start: number; readonly bytes: number }[] = []
  /** The same blocks by their two ends. */
  readonly #byStart: Map<number, number> = new Map()
  readonly #byEnd: Map<number, number> = new Map()

  /**
   * Owns the addresses from `start` to `end`; `grow` adds at least `bytes` to them and returns how
   * many, or 0 when it cannot. All are multiples of a page (4096).
   */
  constructor(start: number, end: number, grow: (bytes: number) => number) {
    this.#end = end
    this.#grow = grow
    // Up to 16 lines each size has its class; then there are four for each doubling.
    for (let lines = 1; lines * alignment <= largestSmall; ) {
      const made = { bytes: lines * alignment, free: [], next: 0, end: 0 }
      this.#classes.push(made)
      while (this.#classOf.length <= lines) this.#classOf.push(made)
      lines += lines < 16 ? 1 : 2 ** (Math.floor(Math.log2(lines)) - 2)
    }
    if (end > start) this.#insert(start, end - start)
  }

  /** The address of at least `bytes` bytes, or 0 when there is no room. */
  allocate(bytes: number): number {
    if (bytes > largestSmall) return this.#allocateLarge(roundUp(bytes, largeGranule))
    const sizeClass = this.#classOf[(bytes + alignment - 1) >>> 6]!
    const reused = sizeClass.free.pop()
    if (reused !== undefined) return reused
    if (sizeClass.next + sizeClass.bytes > sizeClass.end) {
      const slab = this.#allocateLarge(slabBytes)
      if (slab === 0) return 0
      sizeClass.next = slab
      sizeClass.end = slab + slabBytes
    }
    const address = sizeClass.next
    sizeClass.next += sizeClass.bytes
    return address
  }

  /** Takes back what {@link allocate} gave for the same number of bytes. */
  free(address: number, bytes: number): void {
    if (bytes <= largestSmall) {
      this.#classOf[(bytes + alignment - 1) >>> 6]!.free.push(address)
      return
    }
    this.#release(address, roundUp(bytes, largeGranule))
  }

  #release(start: number, size: number): void {
    const after = this.#byStart.get(start + size)
    if (after !== undefined) {
      this.#remove(start + size, after)
      size += after
    }
    const before = this.#byEnd.get(start)
    if (before !== undefined) {
      this.#remove(before, start - before)
      size += start - before
      start = before
    }
    this.#insert(start, size)
  }

  #allocateLarge(bytes: number): number {
    let position = this.#search(bytes, 0)
    if (position === this.#free.length) {
      // The free block at the very end, if any, needs only the difference.
      const last = this.#byEnd.get(this.#end)
      const missing = last === undefined ? bytes : bytes - (this.#end - last)
      const gained = this.#grow(missing)
      if (gained === 0) return 0
      this.#end += gained
      this.#release(this.#end - gained, gained)
      position = this.#search(bytes, 0)
    }
    const { start, bytes: size } = this.#free[position]!
    this.#remove(start, size)
    if (size > bytes) this.#insert(start + bytes, size - bytes)
    return start
  }

  #insert(start: number, bytes: number): void {
    this.#free.splice(this.#search(bytes, start), 0, { start, bytes })
    this.#byStart.set(start, bytes)
    this.#byEnd.set(start + bytes, start)
  }

  #remove(start: number, bytes: number): void {
    this.#free.splice(this.#search(bytes, start), 1)
    this.#byStart.delete(start)
    this.#byEnd.delete(start + bytes)
  }

  /** The first free block of this size and address or more. */
  #search(bytes: number, start: number): number {
    let [low, high] = [0, this.#free.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      const block = this.#free[middle]!
      if (block.bytes < bytes || (block.bytes === bytes && block.start < start)) low = middle + 1
      else high = middle
    }
    return low
  }
}

function roundUp(bytes: number, granule: number): number {
  return Math.ceil(bytes / granule) * granule
}
