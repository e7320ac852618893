/**
 * The reference backend: plain JavaScript, float64-capable, written to be read and to be believed.
 * It has no special kernels, so everything runs through the composed fallbacks; other devices are
 * tested against it. Use it to check gradients and to follow what an op does, not to train.
 */
import type { Backend, Combine, DeviceBuffer, Reduction, View } from '../backend.ts'
import { type DType, dtypes, type StoredArray } from '../dtype.ts'
import { DeviceError } from '../errors.ts'
import { collapse, contiguousStrides, sizeOf } from '../layout.ts'
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

/** Where the elements of a view lie, in row-major order; neighbouring axes are one where they can be. */
interface Walk {
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  readonly offset: number
}

function walkOf({ shape, strides, offset }: Walk): Walk {
  const merged = collapse(shape, [strides])
  // A single element has no axes left; one of extent 1 keeps the loops below simple.
  return merged.shape.length === 0
    ? { shape: [1], strides: [0], offset }
    : { shape: merged.shape, strides: merged.strides[0]!, offset }
}

/** Writes where the `count` elements from number `start` on lie. */
function offsets({ shape, strides, offset }: Walk, start: number, count: number, out: Int32Array) {
  const last = shape.length - 1
  const index = new Int32Array(shape.length)
  let at = offset
  let rest = start
  for (let axis = last; axis >= 0; axis--) {
    index[axis] = rest % shape[axis]!
    rest = Math.floor(rest / shape[axis]!)
    at += index[axis]! * strides[axis]!
  }
  const [extent, step] = [shape[last]!, strides[last]!]
  for (let i = 0; i < count; ) {
    const run = Math.min(count - i, extent - index[last]!)
    for (let end = i + run; i < end; i++, at += step) out[i] = at
    index[last]! += run
    // Like an odometer: an axis that is full starts again, and the one before it advances.
    for (let axis = last; axis > 0 && index[axis] === shape[axis]; axis--) {
      at += strides[axis - 1]! - shape[axis]! * strides[axis]!
      index[axis] = 0
      index[axis - 1]!++
    }
  }
}

/** Puts `count` values where `at` says. */
function store(
  { dtype }: View,
  target: StoredArray,
  at: Int32Array,
  values: Float64Array,
  count: number,
): void {
  const { encode } = dtypes[dtype]
  for (let i = 0; i < count; i++) target[at[i]!] = encode ? encode(values[i]!) : values[i]!
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

function joinOf(combine: Combine, dtype: DType): (a: number, b: number) => number {
  if (combine === 'sum') return (a, b) => a + b
  if (combine === 'prod') return dtypes[dtype].float ? (a, b) => a * b : Math.imul
  return combine === 'max' ? (a, b) => Math.max(a, b) : (a, b) => Math.min(a, b)
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
  const array = (view: View): StoredArray => new dtypes[view.dtype].array(hostOf(view.buffer))

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
    const walks = inputs.map(walkOf)
    const at = new Int32Array(BLOCK)
    const values = inputs.map(() => new Float64Array(BLOCK))
    forBlocks(sizeOf(shape), (start, count) => {
      walks.forEach((walk, k) => {
        offsets(walk, start, count, at)
        const [source, block] = [sources[k]!, values[k]!]
        const { decode } = dtypes[inputs[k]!.dtype]
        for (let i = 0; i < count; i++) block[i] = source[at[i]!]!
        if (decode) for (let i = 0; i < count; i++) block[i] = decode(block[i]!)
      })
      visit(run({ count, start, inputs: values, shape, strides }, scalars), start, count)
    })
  }

  return {
    name: 'reference',
    dtypes: new Set(Object.keys(dtypes) as DType[]),
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
      const targets = outputs.map(array)
      const walks = outputs.map(walkOf)
      const at = new Int32Array(BLOCK)
      evaluate(program, shape, inputs, scalars, (results, start, count) => {
        walks.forEach((walk, k) => {
          offsets(walk, start, count, at)
          store(outputs[k]!, targets[k]!, at, results[k]!, count)
        })
      })
    },

    reduce(reduction: Reduction, inputs, output, scalars = []) {
      const { program, combine, finish } = reduction
      const { shape } = inputs[0]!
      const isKept = shape.map((extent, axis) => output.shape[axis] === extent)
      const kept = contiguousStrides(output.shape)
      const inside = contiguousStrides(shape.map((extent, axis) => (isKept[axis] ? 1 : extent)))
      // For each element: its result's number, and its number among those joined into it.
      const results = walkOf({
        shape,
        strides: shape.map((_, a) => (isKept[a] ? kept[a]! : 0)),
        offset: 0,
      })
      const members = walkOf({
        shape,
        strides: shape.map((_, a) => (isKept[a] ? 0 : inside[a]!)),
        offset: 0,
      })
      const to = new Int32Array(BLOCK)
      const from = new Int32Array(BLOCK)
      const { dtype } = program.code[program.outputs[0]!]!
      const join = joinOf(combine, dtype)
      const search = combine === 'argmax' || combine === 'argmin'
      const best = new Float64Array(sizeOf(output.shape)).fill(neutral(combine, dtype))
      const where = new Float64Array(search ? best.length : 0).fill(-1)

      evaluate(program, shape, inputs, scalars, ([values], start, count) => {
        offsets(results, start, count, to)
        if (search) offsets(members, start, count, from)
        for (let i = 0; i < count; i++) {
          const value = values![i]!
          const r = to[i]!
          if (!search) best[r] = join(best[r]!, value)
          else if (where[r] === -1 || wins(combine, value, best[r]!)) {
            best[r] = value
            where[r] = from[i]!
          }
        }
      })

      const target = array(output)
      const run = finish && runnerOf(finish)
      const found = search ? where : best
      forBlocks(found.length, (start, count) => {
        offsets(walkOf(output), start, count, to)
        const values = found.slice(start, start + count)
        const block = { count, start, inputs: [values], shape: output.shape, strides: kept }
        const done = run ? run(block, scalars)[0]! : values
        store(output, target, to, done, count)
      })
    },

    async sync() {},
    dispose() {
      disposed = true
      live.clear()
    },
  }
}
