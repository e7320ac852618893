/**
 * Native libraries on a memory of their own, without our kernels. Results hold NaN before and lie
 * between guard words; values in tests are small whole numbers, so that sums of float32 are exact in
 * any order.
 */
import { contiguousStrides, type Kernels, type View } from '@nablajs/tensor/backend'
import { withNative } from '../src/native/kernels.ts'
import { openNative } from '../src/native/node.ts'
import type { LibraryChoice } from '../src/native/types.ts'

const guard = -7654321

/** Kernels that only libraries compute; `missed` are those that they left to ours. */
export async function open(
  options: {
    readonly shared?: boolean
    readonly threads?: number
    readonly oneDnn?: LibraryChoice
  } = {},
) {
  const { shared = true, threads = 2, oneDnn = 'auto' } = options
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 4096, shared })
  const native = await openNative({ memory, threads, blas: 'auto', oneDnn, always: true })
  const missed: string[] = []
  const left = (name: string) => () => {
    missed.push(name)
  }
  const ours = { matmul: left('matmul') } as unknown as Kernels
  for (const name of ['conv2d', 'conv2dGradInput', 'conv2dGradWeight'] as const)
    ours[name] = left(name)
  let top = 1 << 16
  const floats = () => new Float32Array(memory.buffer)
  const address = (view: View) => (view.buffer as unknown as { at: number }).at + 4 * view.offset
  const positions = (view: View): number[] => {
    let all = [address(view) / 4]
    for (const [axis, extent] of view.shape.entries())
      all = all.flatMap((at) =>
        Array.from({ length: extent }, (_, i) => at + i * view.strides[axis]!),
      )
    return all
  }
  return {
    native,
    memory,
    missed,
    kernels: withNative(ours, native, address),
    forget() {
      top = 1 << 16
      missed.length = 0
    },
    /** A view with values, or with NaN, in memory that is marked around it. */
    view(shape: readonly number[], values?: readonly number[], strides = contiguousStrides(shape)) {
      const reach = (sign: 1 | -1) =>
        strides.reduce((sum, step, a) => sum + Math.max(0, sign * step) * (shape[a]! - 1), 0)
      const before = reach(-1) + 16
      const count = before + reach(1) + 17
      if (top + 4 * count > memory.buffer.byteLength) memory.grow(Math.ceil(count / 16384))
      floats().fill(guard, top / 4, top / 4 + count)
      const buffer = { bytes: 4 * count, at: top }
      top += 4 * count
      const view: View = { buffer, dtype: 'f32', shape, strides, offset: before }
      const own = positions(view)
      for (const [i, at] of own.entries()) floats()[at] = values ? values[i]! : Number.NaN
      return view
    },
    /** The elements; throws if the memory between them was written. */
    read(view: View): number[] {
      const own = positions(view)
      const mine = new Set(own)
      const { at, bytes } = view.buffer as unknown as { at: number; bytes: number }
      for (let i = at / 4; i < (at + bytes) / 4; i++)
        if (!mine.has(i) && floats()[i] !== guard) throw new Error(`float ${i} was written`)
      return own.map((i) => floats()[i]!)
    },
  }
}
