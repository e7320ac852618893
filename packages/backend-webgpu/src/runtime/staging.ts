/** Buffers that the host reads from, used again: one read needs one, and it is free when it is mapped out. */
import { bufferUsage, mapModeRead } from './constants.ts'
import { classOf } from './pool.ts'
import type { Waiting } from './waiting.ts'

/** The most bytes to keep. */
const budget = 1 << 26

export class Staging {
  readonly #device: GPUDevice
  readonly #waiting: Waiting
  readonly #free: Map<number, GPUBuffer[]> = new Map()
  readonly #used: Set<GPUBuffer> = new Set()
  #bytes = 0

  constructor(device: GPUDevice, waiting: Waiting) {
    this.#device = device
    this.#waiting = waiting
  }

  take(bytes: number): GPUBuffer {
    const size = classOf(bytes, this.#device.limits.maxBufferSize)
    const kept = this.#free.get(size)?.pop()
    if (kept) this.#bytes -= size
    const buffer =
      kept ??
      this.#device.createBuffer({
        label: 'staging',
        size,
        usage: bufferUsage.mapRead | bufferUsage.copyTarget,
      })
    this.#used.add(buffer)
    return buffer
  }

  /** A copy of the first `bytes`, once the work submitted before is done. */
  async read(buffer: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    const size = Math.ceil(bytes / 4) * 4
    try {
      await this.#waiting.for(() => buffer.mapAsync(mapModeRead, 0, size))
      const data = buffer.getMappedRange(0, size).slice(0, bytes)
      buffer.unmap()
      this.#give(buffer)
      return data
    } finally {
      // One that failed is not used again.
      if (this.#used.delete(buffer)) buffer.destroy()
    }
  }

  destroy(): void {
    for (const buffer of this.#used) buffer.destroy()
    for (const list of this.#free.values()) for (const buffer of list) buffer.destroy()
    this.#free.clear()
    this.#used.clear()
  }

  #give(buffer: GPUBuffer): void {
    this.#used.delete(buffer)
    const { size } = buffer
    if (this.#bytes + size > budget) {
      buffer.destroy()
      return
    }
    this.#bytes += size
    const list = this.#free.get(size)
    if (list) list.push(buffer)
    else this.#free.set(size, [buffer])
  }
}
