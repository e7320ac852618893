import type { View } from '@nablajs/tensor/backend'
import type { KernelModule } from './load.ts'

/** What the kernels need of the backend around them. */
export interface KernelRuntime {
  readonly memory: WebAssembly.Memory
  /** Whether the memory is shared between threads. */
  readonly shared: boolean
  /** Memory for the length of one call, aligned to 64 bytes; it holds garbage. */
  scratch(bytes: number): number
  release(pointer: number): void
  /** The byte address of the view's first element. */
  pointer(view: View): number
}

/** The runtime together with the compiled kernels. */
export interface Context extends KernelRuntime {
  readonly wasm: KernelModule
}

/** Runs `use` with the address of a record of 32-bit integers, which is what most kernels take. */
export function withRecord(
  context: Context,
  fields: readonly number[],
  use: (record: number) => void,
): void {
  const record = context.scratch(fields.length * 4)
  new Int32Array(context.memory.buffer, record, fields.length).set(fields)
  use(record)
  context.release(record)
}

/** The same for a record whose last field, after `fields`, is the address of `bytes(record)` bytes of scratch memory. */
export function withScratch(
  context: Context,
  fields: readonly number[],
  bytes: (record: number) => number,
  use: (record: number) => void,
): void {
  withRecord(context, [...fields, 0], (record) => {
    const scratch = context.scratch(bytes(record))
    new Uint32Array(context.memory.buffer)[record / 4 + fields.length] = scratch
    use(record)
    context.release(scratch)
  })
}

/** Writes zeros over dense 32-bit elements. */
export function zero(context: Context, pointer: number, count: number): void {
  new Uint32Array(context.memory.buffer, pointer, count).fill(0)
}
