/** Views of all kinds on a cpu device, random data for them, and both ways to compute on them. */
import {
  type DType,
  dtypes,
  isHalf,
  type Program,
  type Reduction,
  sizeOf,
  stored,
  type View,
  viewAs,
} from '@nablajs/tensor/backend'
import { type CpuBackend, type CpuOptions, cpu } from '../src/cpu.ts'
import { combineAll, interpret } from './interpret.ts'

export type Random = () => number

/** Mulberry32: small, seeded, the same everywhere. */
export function generator(seed: number): Random {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export function pick<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)]!
}

const specials: Readonly<Record<DType, readonly number[]>> = {
  f32: [
    0,
    1,
    -1,
    0.5,
    2,
    -2.5,
    1e-40,
    -1e30,
    3e38,
    Infinity,
    -Infinity,
    Number.NaN,
    2 ** 31,
    -(2 ** 33),
  ],
  f64: [],
  f16: [0, 1, -1, 65504, 2 ** -24, -(2 ** -15), Infinity, -Infinity, Number.NaN],
  bf16: [0, 1, -1, 3e38, -(2 ** -133), Infinity, -Infinity, Number.NaN],
  i32: [0, 1, -1, 2, 7, 2 ** 31 - 1, -(2 ** 31), 65536],
  u32: [0, 1, 2, 7, 2 ** 32 - 1, 2 ** 31, 65537],
  bool: [0, 1],
}

/** A value of a dtype: small, large or special. */
export function randomValue(random: Random, dtype: DType): number {
  if (dtype === 'bool') return random() < 0.5 ? 0 : 1
  const { encode, decode } = dtypes[dtype]
  if (decode) {
    const value = random() < 0.25 ? pick(random, specials[dtype]) : (random() - 0.5) * 20
    return decode(encode!(value))
  }
  if (random() < 0.25) {
    const special = pick(random, specials[dtype])
    return dtype === 'f32' ? Math.fround(special) : special
  }
  if (dtype === 'f32') return Math.fround((random() - 0.5) * pick(random, [2, 20, 1e5]))
  const value = Math.floor((random() - 0.3) * pick(random, [20, 2 ** 31]))
  return dtype === 'i32' ? value | 0 : value >>> 0
}

/**
 * A layout for a shape: axes in any order, with gaps, backwards; and for inputs also repeated and
 * overlapping. `elements` is the size of the buffer it needs.
 */
function randomLayout(
  random: Random,
  shape: readonly number[],
  input: boolean,
): { strides: number[]; offset: number; elements: number } {
  const axes = shape.map((_, axis) => axis)
  if (random() < 0.5) axes.sort(() => random() - 0.5)
  const strides = shape.map(() => 0)
  let stride = random() < 0.2 ? 2 : 1
  for (const axis of axes.reverse()) {
    strides[axis] = stride
    stride *= Math.max(1, shape[axis]!) + (random() < 0.2 ? 1 : 0)
  }
  for (const axis of axes) {
    if (input && random() < 0.2) strides[axis] = 0
    else if (random() < 0.15) strides[axis]! *= -1
  }
  if (input && shape.length > 1 && random() < 0.1) strides[0] = strides[1]!
  let [low, high] = [0, 0]
  for (const [axis, own] of strides.entries()) {
    const reach = Math.max(0, shape[axis]! - 1) * own
    if (reach < 0) low += reach
    else high += reach
  }
  const before = Math.floor(random() * 4)
  return {
    strides,
    offset: before - low,
    elements: before + high - low + 1 + Math.floor(random() * 4),
  }
}

/** All indices of a shape in row-major order. */
function* indices(shape: readonly number[]): Generator<number[]> {
  const index = shape.map(() => 0)
  for (let count = sizeOf(shape); count > 0; count--) {
    yield [...index]
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis]! < shape[axis]!) break
      index[axis] = 0
    }
  }
}

function at({ strides, offset }: View, index: readonly number[]): number {
  return index.reduce((sum, i, axis) => sum + i * strides[axis]!, offset)
}

/** Memory as the bits of elements, and bits that no result should have, for memory around outputs. */
function marked(
  dtype: DType,
  data: ArrayBuffer,
): { words: Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>; mark: number } {
  return isHalf(dtype)
    ? { words: new Uint16Array(data), mark: 0x7fa5 }
    : { words: new Uint32Array(data), mark: 0x7fc0_1234 }
}

export class Device {
  readonly backend: CpuBackend
  #held: View[] = []

  constructor(backend: CpuBackend) {
    this.backend = backend
  }

  static async open(options: CpuOptions = {}): Promise<Device> {
    return new Device((await cpu(options)) as CpuBackend)
  }

  /** A dense view of the values, or of the whole data behind a layout. */
  view(
    dtype: DType,
    shape: readonly number[],
    data: Iterable<number>,
    layout?: { strides: readonly number[]; offset: number },
  ): View {
    const values = stored(dtype, [...data])
    const buffer = this.backend.alloc(values.byteLength)
    this.backend.write(buffer, values)
    const strides = layout?.strides ?? shape.map((_, axis) => sizeOf(shape.slice(axis + 1)))
    const view = { buffer, dtype, shape, strides, offset: layout?.offset ?? 0 }
    this.#held.push(view)
    return view
  }

  random(random: Random, dtype: DType, shape: readonly number[]): View {
    const layout = randomLayout(random, shape, true)
    const data = Array.from({ length: layout.elements }, () => randomValue(random, dtype))
    return this.view(dtype, shape, data, layout)
  }

  /** A view for results, in memory that is marked. */
  empty(dtype: DType, shape: readonly number[], random?: Random): View {
    const layout = random && randomLayout(random, shape, false)
    const view = this.view(
      dtype,
      shape,
      new Array(layout?.elements ?? sizeOf(shape)).fill(0),
      layout,
    )
    const { words, mark } = marked(dtype, new ArrayBuffer(view.buffer.bytes))
    this.backend.write(view.buffer, words.fill(mark))
    return view
  }

  /** The elements in row-major order; throws if the memory between them was written. */
  read(view: View): number[] {
    const data = this.backend.readSync(view.buffer)
    const values = viewAs(view.dtype, data)
    const { words, mark } = marked(view.dtype, data)
    const own = [...indices(view.shape)].map((index) => at(view, index))
    const mine = new Set(own)
    for (const [i, bits] of words.entries())
      if (!mine.has(i) && bits !== mark) throw new Error(`element ${i} was written`)
    return own.map((i) => values[i]!)
  }

  /** The elements of an input in row-major order. */
  elements(view: View): number[] {
    const values = viewAs(view.dtype, this.backend.readSync(view.buffer))
    return [...indices(view.shape)].map((index) => values[at(view, index)]!)
  }

  free(): void {
    for (const { buffer } of this.#held.splice(0)) this.backend.free(buffer)
  }

  /** What `map` should write to each output. */
  expectedMap(
    program: Program,
    shape: readonly number[],
    inputs: readonly View[],
    scalars: readonly number[] = [],
  ): number[][] {
    const data = inputs.map((view) => this.elements(view))
    const outputs: number[][] = program.outputs.map(() => [])
    let position = 0
    for (const index of indices(shape)) {
      const values = interpret(program, {
        inputs: data.map((own) => own[position]!),
        scalars,
        index,
        position: position++,
      })
      for (const [i, value] of values.entries()) outputs[i]!.push(value)
    }
    return outputs
  }

  /** What `reduce` should write. */
  expectedReduce(
    { program, combine, finish }: Reduction,
    shape: readonly number[],
    inputs: readonly View[],
    output: readonly number[],
    scalars: readonly number[] = [],
  ): number[] {
    const values = this.expectedMap(program, shape, inputs, scalars)[0]!
    const groups: number[][] = Array.from({ length: sizeOf(output) }, () => [])
    let position = 0
    for (const index of indices(shape)) {
      let group = 0
      for (const [axis, extent] of output.entries())
        group = group * extent + (extent === 1 ? 0 : index[axis]!)
      groups[group]!.push(values[position++]!)
    }
    const dtype = program.code[program.outputs[0]!]!.dtype
    return groups.map((group) => {
      const combined = combineAll(combine, dtype, group)
      if (!finish) return combined
      const element = { inputs: [combined], scalars, index: [], position: 0 }
      return interpret(finish, element)[0]!
    })
  }
}

/** Where two lists differ first, as text; NaN equals NaN and 0 equals -0. */
export function difference(actual: readonly number[], expected: readonly number[]): string {
  if (actual.length !== expected.length) return `${actual.length} for ${expected.length} values`
  for (const [i, value] of expected.entries())
    if (actual[i] !== value && !(Number.isNaN(value) && Number.isNaN(actual[i])))
      return `element ${i} is ${actual[i]}, not ${value}`
  return ''
}
