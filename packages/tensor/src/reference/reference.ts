/**
 * The reference backend: plain JavaScript, float64-capable, written to be read and to be believed.
 * It has no special kernels, so everything runs through the composed fallbacks; other devices are
 * tested against it. Use it to check gradients and to follow what an op does, not to train.
 */
import type { Backend, Combine, DeviceBuffer, Reduction, View } from '../backend.ts'
import { type DType, dtypes, type TypedArray } from '../dtype.ts'
import { DeviceError } from '../errors.ts'
import { contiguousStrides, sizeOf } from '../layout.ts'
import type { Program } from '../program/program.ts'
import { BLOCK, runnerOf } from './interpreter.ts'

class HostBuffer implements DeviceBuffer {
  readonly bytes: number
  data: ArrayBuffer | undefined

  constructor(bytes: number) {
    this.bytes = bytes
    // Garbage on purpose: a kernel that forgets to write must not look right.
    this.data = new ArrayBuffer(Math.ceil(bytes / 8) * 8)
    new Uint8Array(this.data).fill(0xa5)
  }
}

/** Calls `visit` with the block's first element and its size, over all of the iteration space. */
function forBlocks(size: number, visit: (start: number, count: number) => void): void {
  for (let start = 0; start < size; start += BLOCK) visit(start, Math.min(BLOCK, size - start))
}

/** Writes the element offsets of `count` consecutive positions of a view. */
function offsets(
  view: View,
  row: readonly number[],
  start: number,
  count: number,
  out: Int32Array,
) {
  const { shape, strides, offset } = view
  for (let i = 0; i < count; i++) {
    let at = offset
    let rest = start + i
    for (let axis = 0; axis < shape.length; axis++) {
      const step = row[axis]!
      const index = Math.floor(rest / step)
      rest -= index * step
      at += index * strides[axis]!
    }
    out[i] = at
  }
}

/** How a reduction starts and goes on; `argmax` and `argmin` compare values and keep positions. */
function neutral(combine: Combine, dtype: DType): number {
  if (combine === 'sum') return 0
  if (combine === 'prod') return 1
  const lowest = combine === 'max' || combine === 'argmax'
  if (dtypes[dtype].float) return lowest ? -Infinity : Infinity
  if (dtype === 'i32') return lowest ? -(2 ** 31) : 2 ** 31 - 1
  return lowest ? 0 : dtype === 'bool' ? 1 : 2 ** 32 - 1
}

/** Whether `value` displaces `best` in a search; NaN displaces everything but NaN. */
function wins(combine: Combine, value: number, best: number): boolean {
  if (Number.isNaN(best)) return false
  if (Number.isNaN(value)) return true
  return combine === 'argmax' ? value > best : value < best
}

function join(combine: Combine, a: number, b: number, dtype: DType): number {
  if (combine === 'sum') return a + b
  if (combine === 'prod') return dtypes[dtype].float ? a * b : Math.imul(a, b)
  return combine === 'max' ? Math.max(a, b) : Math.min(a, b)
}

/**
 * Makes the reference backend.
 *
 * @example
 * ```ts
 * import { reference, setDevice, tensor } from '@nablajs/tensor'
 *
 * setDevice(reference())
 * const y = tensor([1, 2, 3]).mul(2)
 * ```
 */
export function reference(): Backend {
  const live = new Set<HostBuffer>()
  let bytes = 0
  let peakBytes = 0
  let disposed = false

  function hostOf(buffer: DeviceBuffer): ArrayBuffer {
    if (disposed) throw new DeviceError('reference: the backend has been disposed; make a new one')
    if (!(buffer instanceof HostBuffer))
      throw new DeviceError('reference: a buffer of another device')
    if (!buffer.data) throw new DeviceError('reference: the buffer has been freed')
    return buffer.data
  }
  const array = (view: View): TypedArray => new dtypes[view.dtype].array(hostOf(view.buffer))

  /** Evaluates `program` block by block and hands each block's results over. */
  function evaluate(
    program: Program,
    shape: readonly number[],
    inputs: readonly View[],
    scalars: readonly number[],
    visit: (results: Float64Array[], start: number, count: number) => void,
  ): void {
    const run = runnerOf(program)
    const strides = contiguousStrides(shape)
    const sources = inputs.map(array)
    const at = new Int32Array(BLOCK)
    const values = inputs.map(() => new Float64Array(BLOCK))
    forBlocks(sizeOf(shape), (start, count) => {
      inputs.forEach((view, k) => {
        offsets(view, strides, start, count, at)
        for (let i = 0; i < count; i++) values[k]![i] = sources[k]![at[i]!]!
      })
      visit(run({ count, start, inputs: values, shape, strides }, scalars), start, count)
    })
  }

  return {
    name: 'reference',
    dtypes: new Set<DType>(['f32', 'f64', 'i32', 'u32', 'bool']),
    kernels: {},

    alloc(size) {
      if (disposed)
        throw new DeviceError('reference: the backend has been disposed; make a new one')
      const buffer = new HostBuffer(size)
      live.add(buffer)
      bytes += size
      peakBytes = Math.max(peakBytes, bytes)
      return buffer
    },
    free(buffer) {
      if (disposed) return
      hostOf(buffer)
      const own = buffer as HostBuffer
      own.data = undefined
      live.delete(own)
      bytes -= own.bytes
    },
    write(buffer, data, offset = 0) {
      const source = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      new Uint8Array(hostOf(buffer)).set(source, offset)
    },
    async read(buffer) {
      return hostOf(buffer).slice(0, buffer.bytes)
    },
    readSync(buffer) {
      return hostOf(buffer).slice(0, buffer.bytes)
    },
    memory: () => ({ buffers: live.size, bytes, peakBytes }),
    resetPeak() {
      peakBytes = bytes
    },

    map(program, inputs, outputs, scalars = []) {
      const { shape } = outputs[0]!
      const strides = contiguousStrides(shape)
      const targets = outputs.map(array)
      const at = new Int32Array(BLOCK)
      evaluate(program, shape, inputs, scalars, (results, start, count) => {
        outputs.forEach((view, k) => {
          offsets(view, strides, start, count, at)
          for (let i = 0; i < count; i++) targets[k]![at[i]!] = results[k]![i]!
        })
      })
    },

    reduce(reduction: Reduction, inputs, output, scalars = []) {
      const { program, combine, finish } = reduction
      const { shape } = inputs[0]!
      const kept = contiguousStrides(output.shape)
      const inside = shape.map((extent, axis) => (output.shape[axis] === extent ? 1 : extent))
      const reduced = contiguousStrides(inside)
      const strides = contiguousStrides(shape)
      const { dtype } = program.code[program.outputs[0]!]!
      const search = combine === 'argmax' || combine === 'argmin'
      const best = new Float64Array(sizeOf(output.shape)).fill(neutral(combine, dtype))
      const where = new Float64Array(search ? best.length : 0).fill(-1)

      evaluate(program, shape, inputs, scalars, ([values], start, count) => {
        for (let i = 0; i < count; i++) {
          let rest = start + i
          let to = 0
          let from = 0
          for (let axis = 0; axis < shape.length; axis++) {
            const index = Math.floor(rest / strides[axis]!)
            rest -= index * strides[axis]!
            if (output.shape[axis] === shape[axis]) to += index * kept[axis]!
            else from += index * reduced[axis]!
          }
          const value = values![i]!
          if (!search) best[to] = join(combine, best[to]!, value, dtype)
          else if (where[to] === -1 || wins(combine, value, best[to]!)) {
            best[to] = value
            where[to] = from
          }
        }
      })

      const target = array(output)
      const at = new Int32Array(BLOCK)
      const run = finish && runnerOf(finish)
      const results = search ? where : best
      forBlocks(results.length, (start, count) => {
        offsets(output, kept, start, count, at)
        const values = results.slice(start, start + count)
        const block = { count, start, inputs: [values], shape: output.shape, strides: kept }
        const done = run ? run(block, scalars)[0]! : values
        for (let i = 0; i < count; i++) target[at[i]!] = done[i]!
      })
    },

    async sync() {},
    dispose() {
      disposed = true
      live.clear()
    },
  }
}
