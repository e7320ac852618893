import type { View } from '@nablajs/tensor/backend'
import type { Kernel, Pool } from '../threads/pool.ts'
import type { KernelModule, RangeKernel } from './load.ts'

/** What the kernels need of the backend around them. */
export interface KernelRuntime {
  readonly memory: WebAssembly.Memory
  /** Whether the memory is shared between threads. */
  readonly shared: boolean
  /** The threads to share work with, if there are several. */
  readonly pool?: Pool | undefined
  /** Memory for the length of one call, aligned to 64 bytes; it holds garbage. */
  scratch(bytes: number): number
  release(pointer: number): void
  /** The byte address of the view's first element. */
  pointer(view: View): number
}

/** The runtime together with the compiled kernels. */
export interface Context extends KernelRuntime {
  readonly wasm: KernelModule
  /** The kernels that run in ranges, as the pool knows them. */
  readonly shareable: Readonly<Record<RangeKernel, Kernel>>
}

/** Parts for each thread, so that a thread that is held up leaves its share to the others. */
const partsPerThread = 4

/** A call of a kernel that takes a record and a range of its outermost loop. */
export interface Job {
  /** The record, in 32-bit words. */
  readonly fields: readonly number[]
  /** Where the record has the address of scratch memory of its thread, and how many bytes it needs. */
  readonly scratch?: { readonly field: number; readonly bytes: (record: number) => number }
  /** The range is `0 .. end`. */
  readonly end: number
  /** Parts of the range are multiples of this; 1. */
  readonly granule?: number
  /** The most parts for each thread; {@link partsPerThread}. */
  readonly parts?: number
  /** The range must not be split; false. */
  readonly whole?: boolean
  /** Multiply-adds of the whole, or what takes as long. */
  readonly work: number
  /** Runs before the kernel, on the caller alone; the records of the threads are `pitch` bytes apart. */
  readonly prepare?: (records: number, pitch: number, threads: number) => void
  readonly finish?: (record: number) => void
}

/** Whether so much work is worth the other threads. */
export function isShared(context: Context, work: number): boolean {
  return context.pool?.isWorth(work) === true
}

/** Runs a kernel, on all threads if there is work for them. */
export function deal(context: Context, name: RangeKernel, job: Job): void {
  const { fields, scratch, end, granule = 1, whole = false, work } = job
  const { pool, wasm } = context
  const share = pool !== undefined && !whole && end > granule && pool.isWorth(work)
  const threads = share ? pool.threads : 1
  const pitch = roundUp(4 * fields.length, 64)
  const records = context.scratch(threads * pitch)
  for (let thread = 0; thread < threads; thread++)
    new Int32Array(context.memory.buffer, records + thread * pitch, fields.length).set(fields)
  let scratches = 0
  if (scratch) {
    const bytes = roundUp(scratch.bytes(records), 64)
    scratches = context.scratch(threads * bytes)
    const words = new Uint32Array(context.memory.buffer)
    for (let thread = 0; thread < threads; thread++)
      words[(records + thread * pitch) / 4 + scratch.field] = scratches + thread * bytes
  }
  job.prepare?.(records, pitch, threads)
  if (share) {
    const piece = roundUp(Math.ceil(end / (threads * (job.parts ?? partsPerThread))), granule)
    pool.run(context.shareable[name], records, pitch, end, piece)
  } else wasm[name](records, 0, end)
  job.finish?.(records)
  if (scratch) context.release(scratches)
  context.release(records)
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit
}

/** Writes zeros over dense 32-bit elements. */
export function zero(context: Context, pointer: number, count: number): void {
  new Uint32Array(context.memory.buffer, pointer, count).fill(0)
}
