/**
 * A small runtime for tests of the kernels. Every buffer lies between guard words, fresh memory is
 * full of NaN, and values are small whole numbers, so that float32 sums are exact in any order and
 * results compare bit for bit with plain loops in float64.
 */
import { contiguousStrides, type DType, sizeOf, type View } from '@nablajs/tensor/backend'
import { type CpuKernels, createContext, createKernels } from '../src/kernels/index.ts'
import { compileKernels, hasRelaxedSimd } from '../src/kernels/load.ts'
import type { Context } from '../src/kernels/runtime.ts'

/** The builds and kinds of memory that tests run with. */
export const variants = [
  { name: 'plain SIMD, shared memory', relaxed: false, shared: true },
  { name: 'relaxed SIMD, unshared memory', relaxed: hasRelaxedSimd(), shared: false },
]

export interface TestKernels {
  readonly context: Context
  readonly kernels: CpuKernels
  /** A view whose elements, in row-major order, are `values`; `strides` may be any order of axes or have gaps. */
  view(shape: readonly number[], values: readonly number[], options?: ViewOptions): View
  /** A view full of NaN, for results. */
  empty(shape: readonly number[], options?: ViewOptions): View
  /** The elements in row-major order. */
  read(view: View): number[]
  /** Throws if anything outside the views was written or scratch memory is still held; then forgets all views. */
  finish(): void
}

export interface ViewOptions {
  readonly dtype?: DType
  readonly strides?: readonly number[]
}

interface TestBuffer {
  readonly bytes: number
  readonly at: number
}

const GUARD = 0x7fc0_1234
const GUARD_WORDS = 64

export async function testKernels(options: {
  relaxed: boolean
  shared: boolean
}): Promise<TestKernels> {
  const memory = new WebAssembly.Memory({ initial: 1024, maximum: 4096, shared: options.shared })
  const words = new Uint32Array(memory.buffer)
  const floats = new Float32Array(memory.buffer)
  const integers = new Int32Array(memory.buffer)
  // The first 64 KiB are the modules'.
  const start = 1 << 16
  let top = start
  const guards: number[] = []
  const held: number[] = []

  const guard = () => {
    words.fill(GUARD, top / 4, top / 4 + GUARD_WORDS)
    guards.push(top / 4)
    top += GUARD_WORDS * 4
  }
  const checkGuards = () => {
    for (const at of guards)
      for (let i = at; i < at + GUARD_WORDS; i++)
        if (words[i] !== GUARD) throw new Error(`word ${i} was written outside of any buffer`)
  }
  const take = (bytes: number) => {
    top = Math.ceil(top / 64) * 64
    guard()
    const at = top
    top += Math.ceil(bytes / 4) * 4
    if (top > words.byteLength) throw new Error('the test needs more memory')
    words.fill(0x7fc0_0000, at / 4, top / 4)
    guard()
    return at
  }

  const context = await createContext(
    {
      memory,
      shared: options.shared,
      scratch(bytes) {
        held.push(take(bytes))
        return held.at(-1)!
      },
      release(pointer) {
        if (held.pop() !== pointer) throw new Error('scratch memory was not released in order')
      },
      pointer: (view) => (view.buffer as TestBuffer).at + view.offset * 4,
    },
    await compileKernels(options.shared, options.relaxed),
  )
  const kernels = createKernels(context)

  const arrayOf = (view: View) => (view.dtype === 'f32' ? floats : integers)
  const empty = (shape: readonly number[], { dtype = 'f32', strides }: ViewOptions = {}): View => {
    const steps = strides ?? contiguousStrides(shape)
    // From the lowest to the highest element.
    const reach = (sign: 1 | -1) =>
      steps.reduce((sum, step, a) => sum + Math.max(0, sign * step) * Math.max(0, shape[a]! - 1), 0)
    const bytes = sizeOf(shape) === 0 ? 0 : (reach(1) + reach(-1) + 1) * 4
    const buffer: TestBuffer = { bytes, at: take(bytes) }
    return { buffer, dtype, shape, strides: steps, offset: reach(-1) }
  }
  const positions = (view: View): number[] => {
    let offsets = [(view.buffer as TestBuffer).at / 4 + view.offset]
    for (const [axis, extent] of view.shape.entries())
      offsets = offsets.flatMap((offset) =>
        Array.from({ length: extent }, (_, i) => offset + i * view.strides[axis]!),
      )
    return offsets
  }
  return {
    context,
    kernels,
    empty,
    view(shape, values, options) {
      const view = empty(shape, options)
      const array = arrayOf(view)
      for (const [i, at] of positions(view).entries()) array[at] = values[i]!
      return view
    },
    read: (view) => positions(view).map((at) => arrayOf(view)[at]!),
    finish() {
      checkGuards()
      if (held.length > 0) throw new Error('scratch memory is still held')
      guards.length = 0
      top = start
    },
  }
}

/** Whole numbers from -3 to 3, the same for the same seed. */
export function whole(count: number, seed: number): number[] {
  const next = generator(seed)
  return Array.from({ length: count }, () => Math.floor(next() * 7) - 3)
}

/** Uniform numbers in 0 .. 1. */
export function generator(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    // The low bits of such a generator repeat quickly.
    return (state >>> 8) / 2 ** 24
  }
}

/** Where two lists first differ, or undefined; NaN equals NaN, and 0 equals -0. */
export function difference(
  actual: readonly number[],
  expected: readonly number[],
): string | undefined {
  if (actual.length !== expected.length) return `${actual.length} values, not ${expected.length}`
  for (let i = 0; i < actual.length; i++) {
    const same = actual[i] === expected[i] || (Number.isNaN(actual[i]) && Number.isNaN(expected[i]))
    if (!same) return `[${i}] is ${actual[i]}, not ${expected[i]}`
  }
  return undefined
}
