/** What map and reduce share: checks of views, which buffers a call binds, and where elements lie. */
import {
  contiguousStrides,
  type DeviceBuffer,
  type DType,
  DTypeError,
  type Program,
  ShapeError,
  type View,
} from '@nablajs/tensor/backend'

/** The buffers of a call, each once, and how each is used. */
export interface Bindings {
  readonly buffers: DeviceBuffer[]
  /** For each view, inputs first, the number of its buffer. */
  readonly of: number[]
  /** The type of the elements as declared; a buffer seen as two types is one of words. */
  readonly types: DType[]
  readonly written: boolean[]
}

export function bind(inputs: readonly View[], outputs: readonly View[]): Bindings {
  const bindings: Bindings = { buffers: [], of: [], types: [], written: [] }
  const { buffers, types, written } = bindings
  const add = ({ buffer, dtype }: View, writes: boolean): void => {
    const type = dtype === 'bool' ? 'u32' : dtype
    // Halves are no words: a buffer that is read as both is bound twice.
    let number = buffers.findIndex(
      (own, i) => own === buffer && (types[i] === 'f16') === (type === 'f16'),
    )
    if (number < 0) {
      number = buffers.push(buffer) - 1
      types.push(type)
      written.push(false)
    }
    if (types[number] !== type) types[number] = 'u32'
    if (writes) written[number] = true
    bindings.of.push(number)
  }
  for (const view of inputs) add(view, false)
  for (const view of outputs) add(view, true)
  const twice = buffers.find((buffer, i) => buffers.indexOf(buffer) !== i)
  if (twice && buffers.some((buffer, i) => buffer === twice && written[i]))
    throw new DTypeError('a buffer is written and seen as f16 and as words; copy one of the views')
  return bindings
}

/** The extensions of WGSL that the bindings need, which come first in a module. */
export function extensions({ types }: Bindings): string[] {
  return types.includes('f16') ? ['enable f16;'] : []
}

/** The declarations of the buffers and the parameters; `wide` ones hold vectors of four elements. */
export function declarations({ types, written }: Bindings, wide?: readonly boolean[]): string[] {
  const elements = types.map((type, i) => (wide?.[i] ? `vec4<${type}>` : type))
  return [
    ...elements.map(
      (element, i) =>
        `@group(0) @binding(${i}) var<storage, ${written[i] ? 'read_write' : 'read'}> b${i}: array<${element}>;`,
    ),
    `@group(0) @binding(${types.length}) var<uniform> params: Params;`,
  ]
}

/** A struct of single words, which lie in a uniform one after the other. */
export function paramsStruct(fields: readonly string[]): string {
  const lines: string[] = []
  let line = ' '
  for (const field of fields) {
    if (line.length + field.length > 96) {
      lines.push(line)
      line = ' '
    }
    line += ` ${field},`
  }
  return ['struct Params {', ...lines, line, '}'].join('\n')
}

/** The field of a scalar of a program. */
export function scalarField(dtype: DType, i: number): string {
  return `a${i}: ${dtype === 'bool' ? 'u32' : dtype}`
}

/** The counters that a program asks for: `position`, or the number of an axis. */
export type Counter = 'position' | number

export function countersOf(program: Program): Counter[] {
  const counters = new Set<Counter>()
  for (const { op, value } of program.code)
    if (op === 'position') counters.add('position')
    else if (op === 'index') counters.add(value)
  return [...counters]
}

/** How a counter walks over the iteration space, as if it were a view of 0, 1, 2 ... */
export function counterStrides(counter: Counter, shape: readonly number[]): number[] {
  if (counter === 'position') return contiguousStrides(shape)
  return shape.map((_, axis) => (axis === counter ? 1 : 0))
}

/** `x0 ..`, the loops' counters, out of a number. */
export function coordinates(from: string, letter: string, extent: string, rank: number): string[] {
  if (rank === 0) return []
  if (rank === 1) return [`let ${letter}0 = i32(${from});`]
  // Multiplied back, since dividing twice is dear.
  const lines: string[] = []
  let rest = from
  for (let axis = rank - 1; axis > 0; axis--) {
    const [next, own] = [`${letter}_rest${axis}`, `params.${extent}${axis}`]
    lines.push(
      `let ${next} = ${rest} / ${own};`,
      `let ${letter}${axis} = i32(${rest} - ${next} * ${own});`,
    )
    rest = next
  }
  return [...lines, `let ${letter}0 = i32(${rest});`]
}

/** The words of a call's parameters, written one after the other. */
export class ParamWriter {
  readonly words: Int32Array<ArrayBuffer>
  readonly #floats: Float32Array<ArrayBuffer>
  /** The first words, as many as the number of the view says: each call would make a new one. */
  readonly #written: Int32Array[] = []
  length = 0

  constructor(most = 4096) {
    this.words = new Int32Array(most)
    this.#floats = new Float32Array(this.words.buffer)
  }

  restart(): void {
    this.length = 0
  }
  /** An integer, or the low 32 bits of one. */
  int(value: number): void {
    this.words[this.length++] = value
  }
  ints(values: readonly number[]): void {
    for (const value of values) this.int(value)
  }
  scalar(dtype: DType, value: number): void {
    if (dtype === 'f32') this.#floats[this.length++] = value
    else this.int(dtype === 'bool' ? Number(value !== 0) : value)
  }
  /** What has been written, until {@link restart}. */
  get written(): Int32Array {
    const { length } = this
    this.#written[length] ??= this.words.subarray(0, length)
    return this.#written[length]
  }
}

/**
 * Workgroups on two axes: one axis of a GPU takes only 65535. Shaders number them as
 * `x + y * (workgroups of x)`.
 */
export function spread(groups: number, most: number, name: string): [number, number, number] {
  if (groups <= most) return [groups, 1, 1]
  const y = Math.ceil(groups / most)
  if (y > most)
    throw new ShapeError(
      `${name}: ${groups} workgroups are more than the device runs at once (${most ** 2}); split the tensor`,
    )
  return [Math.ceil(groups / y), y, 1]
}
