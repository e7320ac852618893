/**
 * A plain interpreter of scalar programs and reductions, for tests: one element at a time, in
 * JavaScript numbers rounded after each step. It shares no code with the code generator.
 */
import {
  type Combine,
  type DType,
  dtypes,
  type Instruction,
  type Program,
} from '@nablajs/tensor/backend'

export interface Element {
  readonly inputs: readonly number[]
  readonly scalars: readonly number[]
  readonly index: readonly number[]
  readonly position: number
}

const word = new DataView(new ArrayBuffer(4))

function toBits(value: number, dtype: DType): number {
  if (dtype === 'f32') word.setFloat32(0, value)
  else word.setInt32(0, value)
  return word.getUint32(0)
}

function fromBits(bits: number, dtype: DType): number {
  word.setUint32(0, bits)
  if (dtype === 'f32') return word.getFloat32(0)
  return dtype === 'i32' ? word.getInt32(0) : word.getUint32(0)
}

/** The nearest value of a dtype; integers wrap. */
function fit(value: number, dtype: DType): number {
  if (dtype === 'f32') return Math.fround(value)
  return dtype === 'i32' ? value | 0 : value >>> 0
}

function roundHalfEven(x: number): number {
  const low = Math.floor(x)
  const rest = x - low
  const up = rest > 0.5 || (rest === 0.5 && low % 2 !== 0)
  return up ? (low + 1 === 0 ? -0 : low + 1) : low === 0 && Object.is(x, -0) ? -0 : low
}

function saturate(value: number, low: number, high: number): number {
  return Number.isNaN(value) ? 0 : Math.min(Math.max(Math.trunc(value), low), high) + 0
}

function cast(value: number, from: DType, to: DType): number {
  if (to === 'bool') return value !== 0 ? 1 : 0
  const { encode, decode } = dtypes[to]
  if (decode) return decode(encode!(Math.fround(value)))
  if (to === 'f32') return Math.fround(value)
  if (from !== 'f32') return fit(value, to)
  return to === 'i32' ? saturate(value, -(2 ** 31), 2 ** 31 - 1) : saturate(value, 0, 2 ** 32 - 1)
}

function erf(x: number): number {
  const a = Math.abs(x)
  if (Number.isNaN(x) || x === 0) return x
  if (a > 6) return Math.sign(x)
  if (a < 2.5) {
    let term = x
    let sum = x
    for (let n = 1; n < 60; n++) {
      term *= (-x * x) / n
      sum += term / (2 * n + 1)
    }
    return (2 / Math.sqrt(Math.PI)) * sum
  }
  let fraction = 0
  for (let k = 100; k > 0; k--) fraction = k / 2 / (a + fraction)
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction))
}

/** As in C; JavaScript has NaN for 1 to the NaN and for 1 to infinity. */
function pow(x: number, y: number): number {
  if (x === 1 || y === 0 || (x === -1 && Math.abs(y) === Number.POSITIVE_INFINITY)) return 1
  return x ** y
}

type Rule = (a: number, b: number, dtype: DType) => number

/** The functions that are right only to some rounding error; in float64 here. */
export const approximate: Readonly<Record<string, (a: number, b: number) => number>> = {
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  erf,
  pow,
  atan2: Math.atan2,
}

const rules: Readonly<Record<string, Rule>> = {
  ...approximate,
  not: (a, _, dtype) => (dtype === 'bool' ? 1 - a : ~a),
  neg: (a) => -a,
  abs: (a, _, dtype) => (dtype === 'u32' ? a : Math.abs(a)),
  sign: Math.sign,
  floor: Math.floor,
  ceil: Math.ceil,
  round: roundHalfEven,
  trunc: Math.trunc,
  sqrt: Math.sqrt,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b, dtype) => (dtype === 'f32' ? a * b : Math.imul(a, b)),
  div: (a, b, dtype) => (dtype === 'f32' ? a / b : Math.trunc(a / b)),
  rem: (a, b, dtype) => (dtype !== 'f32' && b === 0 ? a : a % b),
  min: (a, b) => Math.min(a, b),
  max: (a, b) => Math.max(a, b),
  mulhi: (a, b) => Number((BigInt(a) * BigInt(b)) >> 32n),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => a << b,
  shr: (a, b, dtype) => (dtype === 'u32' ? a >>> b : a >> b),
  lt: (a, b) => Number(a < b),
  le: (a, b) => Number(a <= b),
  eq: (a, b) => Number(a === b),
  ne: (a, b) => Number(a !== b),
}

/** The outputs of a program for one element. */
export function interpret({ code, outputs }: Program, element: Element): number[] {
  const values: number[] = []
  for (const line of code) values.push(evaluate(line, code, values, element))
  return outputs.map((output) => values[output]!)
}

function evaluate(
  { op, dtype, args, value }: Instruction,
  code: readonly Instruction[],
  values: readonly number[],
  element: Element,
): number {
  const [a = 0, b = 0, c = 0] = args.map((arg) => values[arg]!)
  const from = args.length > 0 ? code[args[0]!]!.dtype : dtype
  if (op === 'input') return element.inputs[value]!
  if (op === 'scalar') return element.scalars[value]!
  if (op === 'constant') return value
  if (op === 'index') return element.index[value]!
  if (op === 'position') return element.position
  if (op === 'select') return a ? b : c
  if (op === 'cast') return cast(a, from, dtype)
  if (op === 'bitcast') return fromBits(toBits(a, from), dtype)
  const result = rules[op]!(a, b, from)
  return dtype === 'bool' ? result : fit(result, dtype)
}

/** Joins values by the contract's rules; sums and products of floats in float64. */
export function combineAll(combine: Combine, dtype: DType, values: readonly number[]): number {
  if (combine === 'sum' || combine === 'prod') {
    const float = dtype === 'f32'
    let result = combine === 'sum' ? 0 : 1
    for (const value of values) {
      if (combine === 'sum') result += value
      else result = float ? result * value : Math.imul(result, value)
      if (!float) result = fit(result, dtype)
    }
    return float ? Math.fround(result) : result
  }
  const larger = combine === 'max' || combine === 'argmax'
  let at = 0
  for (const [i, value] of values.entries()) {
    const best = values[at]!
    if (Number.isNaN(best)) break
    if (Number.isNaN(value) || (larger ? value > best : value < best)) at = i
  }
  return combine === 'max' || combine === 'min' ? values[at]! : at
}
