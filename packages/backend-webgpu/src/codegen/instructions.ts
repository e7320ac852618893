/**
 * Scalar programs as WGSL: one `let` for each instruction. A bool is a `bool` between instructions and
 * a word 0 or 1 in memory. An f16 is converted where a program casts it, and computed with nowhere.
 */
import {
  type DType,
  DTypeError,
  type Instruction,
  type Primitive,
  type Program,
} from '@nablajs/tensor/backend'
import type { Features } from '../runtime/kernel.ts'
import type { FunctionName } from './functions.ts'

const words: ReadonlySet<DType> = new Set(['f32', 'i32', 'u32', 'bool'])
const withHalves: ReadonlySet<DType> = new Set([...words, 'f16'])

/** The dtypes of a device: 32-bit words, and halves where it has the extension of WGSL. */
export function dtypesOf({ f16 }: Pick<Features, 'f16'>): ReadonlySet<DType> {
  return f16 ? withHalves : words
}

/** The type of a value between instructions; an f16 is only read, cast and written. */
export type Word = 'f32' | 'i32' | 'u32' | 'bool' | 'f16'

/** Throws a {@link DTypeError} for a program that has a dtype which the device does not hold. */
export function checkDtypes(program: Program, features: Pick<Features, 'f16'>): void {
  const held = dtypesOf(features)
  for (const dtype of [...program.inputs, ...program.scalars, ...program.code.map((l) => l.dtype)])
    if (!held.has(dtype)) {
      const why = dtype === 'f16' ? '; f16 needs a GPU with the feature shader-f16' : ''
      throw new DTypeError(
        `${program.name}: the webgpu device holds ${[...held].join(', ')}, not ${dtype}${why}`,
      )
    }
}

/** Where the leaves of a program come from, as expressions of their own types. */
export interface Leaves {
  readonly input: (i: number) => string
  readonly scalar: (i: number) => string
  readonly index: (axis: number) => string
  readonly position: () => string
}

/** A number as an expression of WGSL. NaN and infinity are functions: no constant may hold them. */
export function literal(value: number, dtype: DType, uses: Set<FunctionName>): string {
  if (dtype === 'bool') return value === 0 ? 'false' : 'true'
  if (dtype === 'i32') return value === -(2 ** 31) ? 'i32(-2147483648)' : `${value}i`
  if (dtype === 'u32') return `${value}u`
  if (Number.isNaN(value)) {
    uses.add('nan')
    return 'nan()'
  }
  if (!Number.isFinite(value)) {
    uses.add('inf')
    return value > 0 ? 'inf()' : '-inf()'
  }
  // Subnormal numbers and -0 keep their bits.
  if (Object.is(value, -0) || (value !== 0 && Math.abs(value) < 2 ** -126)) {
    const bits = new Uint32Array(Float32Array.of(value).buffer)[0]!
    return `bitcast<f32>(${bits}u)`
  }
  return `${value}f`
}

/** A value as it lies in memory of `stored`. */
export function toWord(value: string, dtype: DType, stored: DType): string {
  const word = dtype === 'bool' ? `select(0u, 1u, ${value})` : value
  const type = dtype === 'bool' ? 'u32' : dtype
  return type === stored ? word : `bitcast<${stored}>(${word})`
}

/** What `toWord` stored, as a value. */
export function fromWord(word: string, dtype: DType, stored: DType): string {
  const type = dtype === 'bool' ? 'u32' : dtype
  const value = type === stored ? word : `bitcast<${type}>(${word})`
  return dtype === 'bool' ? `(${value} != 0u)` : value
}

/** `call(name)` notes that a function is used and gives its name. */
type Render = (args: readonly string[], call: (name: FunctionName) => string) => string

const infix =
  (operator: string): Render =>
  ([a, b]) =>
    `${a} ${operator} ${b}`
const builtin =
  (name: string): Render =>
  (args) =>
    `${name}(${args.join(', ')})`
const own =
  (name: FunctionName, ...more: string[]): Render =>
  (args, call) =>
    `${call(name)}(${[...args, ...more].join(', ')})`
const compare =
  (operator: string): Render =>
  ([a, b], call) =>
    `(${a} ${operator} ${b}) && ${call('ordered')}(${a}, ${b})`

type Rules = Partial<Record<Primitive, Render>>

const arithmetic: Rules = {
  add: infix('+'),
  sub: infix('-'),
  mul: infix('*'),
  div: infix('/'),
  neg: ([a]) => `-${a}`,
  lt: infix('<'),
  le: infix('<='),
  eq: infix('=='),
  ne: infix('!='),
}

const bits: Rules = {
  ...arithmetic,
  rem: infix('%'),
  min: builtin('min'),
  max: builtin('max'),
  and: infix('&'),
  or: infix('|'),
  xor: infix('^'),
  not: ([a]) => `~${a}`,
}

const rules: Readonly<Record<Word, Rules>> = {
  f32: {
    ...arithmetic,
    abs: builtin('abs'),
    sign: own('sign_f'),
    floor: builtin('floor'),
    ceil: builtin('ceil'),
    round: builtin('round'),
    trunc: builtin('trunc'),
    sqrt: builtin('sqrt'),
    exp: own('exp_f'),
    expm1: own('expm1_f'),
    log: own('log_f'),
    log1p: own('log1p_f'),
    sin: own('trig', '0u'),
    cos: own('trig', '1u'),
    tanh: own('tanh_f'),
    erf: own('erf_f'),
    rem: own('fmod'),
    pow: own('pow_f'),
    atan2: own('atan2_f'),
    min: own('min_f'),
    max: own('max_f'),
    lt: compare('<'),
    le: compare('<='),
    eq: compare('=='),
    ne: ([a, b], call) => `(${a} != ${b}) || !${call('ordered')}(${a}, ${b})`,
  },
  i32: {
    ...bits,
    abs: builtin('abs'),
    sign: builtin('sign'),
    // A shift count is taken modulo 32.
    shl: ([a, b]) => `${a} << (u32(${b}) & 31u)`,
    shr: ([a, b]) => `${a} >> (u32(${b}) & 31u)`,
  },
  u32: {
    ...bits,
    neg: ([a]) => `0u - ${a}`,
    abs: ([a]) => `${a}`,
    sign: ([a]) => `min(${a}, 1u)`,
    shl: ([a, b]) => `${a} << (${b} & 31u)`,
    shr: ([a, b]) => `${a} >> (${b} & 31u)`,
    mulhi: own('mulhi'),
  },
  f16: {},
  bool: {
    and: infix('&&'),
    or: infix('||'),
    xor: infix('!='),
    not: ([a]) => `!${a}`,
    eq: infix('=='),
    ne: infix('!='),
    lt: ([a, b]) => `!${a} && ${b}`,
    le: ([a, b]) => `!${a} || ${b}`,
  },
}

function cast(a: string, from: Word, to: Word, call: (name: FunctionName) => string): string {
  if (from === 'f16' || to === 'f16') return `${call(to === 'f16' ? 'to_f16' : 'from_f16')}(${a})`
  if (from === 'bool')
    return to === 'f32' ? `select(0.0, 1.0, ${a})` : `select(0${to[0]}, 1${to[0]}, ${a})`
  if (to === 'bool')
    return from === 'f32' ? `(bitcast<u32>(${a}) & 0x7fffffffu) != 0u` : `${a} != 0${from[0]}`
  if (from === 'f32') return `${call(to === 'i32' ? 'to_i32' : 'to_u32')}(${a})`
  return `${to}(${a})`
}

/**
 * The lines of a program's body, and the names of its outputs. `prefix` begins the names, so that two
 * programs fit into one function.
 */
export function renderProgram(
  program: Program,
  leaves: Leaves,
  uses: Set<FunctionName>,
  prefix = 'v',
): { readonly lines: readonly string[]; readonly outputs: readonly string[] } {
  const call = (name: FunctionName): string => {
    uses.add(name)
    return name
  }
  const { code } = program
  const lines = code.map((line, i) => {
    const args = line.args.map((arg) => `${prefix}${arg}`)
    return `let ${prefix}${i} = ${expression(line, args, code, leaves, uses, call)};`
  })
  return { lines, outputs: program.outputs.map((output) => `${prefix}${output}`) }
}

const isZero = ({ op, value }: Instruction): boolean => op === 'constant' && value === 0

function expression(
  { op, dtype, args: numbers, value }: Instruction,
  args: readonly string[],
  code: readonly Instruction[],
  leaves: Leaves,
  uses: Set<FunctionName>,
  call: (name: FunctionName) => string,
): string {
  const [a, b, c] = args
  switch (op) {
    case 'input':
      return leaves.input(value)
    case 'scalar':
      return leaves.scalar(value)
    case 'constant':
      return literal(value, dtype, uses)
    case 'index':
      return leaves.index(value)
    case 'position':
      return leaves.position()
    case 'select':
      return `select(${c}, ${b}, ${a})`
    case 'cast':
      return cast(a!, code[numbers[0]!]!.dtype as Word, dtype as Word, call)
    case 'bitcast':
      return fromWord(toWord(a!, code[numbers[0]!]!.dtype, 'u32'), dtype, 'u32')
    case 'add':
    case 'mul':
    case 'sub':
    case 'div':
      if (dtype !== 'f32') break
      // Compilers take x + 0 for x (also -0), x * 0 for 0, x - x for 0 and x / x for 1, unless they cannot tell.
      if ((op === 'mul' || op === 'add') && numbers.some((n) => isZero(code[n]!)))
        return `${call('hidden')}(${a}) ${op === 'mul' ? '*' : '+'} ${call('hidden')}(${b})`
      if ((op === 'sub' || op === 'div') && a === b)
        return `${a} ${op === 'sub' ? '-' : '/'} ${call('hidden')}(${b})`
      break
    case 'pow': {
      const exponent = code[numbers[1]!]!
      if (exponent.op === 'constant' && exponent.value === 2) return `${a} * ${a}`
      break
    }
  }
  const type = code[numbers.at(-1)!]!.dtype as Word
  const render = rules[type][op]
  if (!render) throw new DTypeError(`${op}: the webgpu backend has no ${op} of ${type}`)
  return render(args, call)
}
