/** What each primitive means, in plain JavaScript: the truth that every device is compared with. */
import { type DType, dtypes, isFloat } from '../dtype.ts'
import type { Instruction } from '../program/program.ts'
import type { Primitive } from '../program/scalar.ts'
import { erf } from './erf.ts'

type Meaning = (a: number, b: number, c: number) => number

const roundEven = (x: number): number => {
  const below = Math.floor(x)
  const rest = x - below
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1
  return below % 2 === 0 ? below : below + 1
}

/** Leaves are handled by the interpreter. */
type Computed = Exclude<Primitive, 'input' | 'scalar' | 'constant' | 'index' | 'position'>

const floats: Record<Computed, Meaning> = {
  cast: (a) => a,
  bitcast: (a) => a,
  not: (a) => (a === 0 ? 1 : 0),
  neg: (a) => -a,
  abs: Math.abs,
  sign: Math.sign,
  floor: Math.floor,
  ceil: Math.ceil,
  round: roundEven,
  trunc: Math.trunc,
  sqrt: Math.sqrt,
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  erf,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  rem: (a, b) => a % b,
  // C's pow: 1 to any power and anything to the power 0 is 1, NaN included.
  pow: (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b),
  atan2: Math.atan2,
  // Math.min itself would take the unused third argument for a number, too.
  min: (a, b) => Math.min(a, b),
  max: (a, b) => Math.max(a, b),
  mulhi: (a, b) => Number((BigInt(a) * BigInt(b)) >> 32n),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => a << b,
  shr: (a, b) => a >> b,
  lt: (a, b) => (a < b ? 1 : 0),
  le: (a, b) => (a <= b ? 1 : 0),
  eq: (a, b) => (a === b ? 1 : 0),
  ne: (a, b) => (a !== b ? 1 : 0),
  select: (a, b, c) => (a !== 0 ? b : c),
}

/** Where integers differ: products beyond 2^53, and division by zero. */
const integers: Partial<Record<Computed, Meaning>> = {
  mul: Math.imul,
  div: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)),
  rem: (a, b) => (b === 0 ? 0 : a % b),
  not: (a) => ~a,
}

function castTo(dtype: DType): Meaning {
  if (dtype === 'i32')
    return (a) => Math.trunc(Math.min(Math.max(Number.isNaN(a) ? 0 : a, -(2 ** 31)), 2 ** 31 - 1))
  if (dtype === 'u32')
    return (a) => Math.trunc(Math.min(Math.max(Number.isNaN(a) ? 0 : a, 0), 2 ** 32 - 1))
  return (a) => a
}

function bitcast(from: DType, to: DType): Meaning {
  const word = new ArrayBuffer(4)
  const source = new dtypes[from].array(word)
  const target = new dtypes[to].array(word)
  return (a) => {
    source[0] = a
    return target[0]!
  }
}

/** The function of one instruction; its result still has to be fitted to the instruction's dtype. */
export function meaning(line: Instruction, argument: Instruction): Meaning {
  const { op, dtype } = line
  if (op === 'cast') {
    // Integers wrap into each other, floats saturate.
    return isFloat(argument.dtype) ? castTo(dtype) : (a) => a
  }
  if (op === 'bitcast') return bitcast(argument.dtype, dtype)
  if (op === 'not' && dtype === 'bool') return floats.not
  if (op === 'shr' && dtype === 'u32') return (a, b) => a >>> b
  const own = isFloat(argument.dtype) ? undefined : integers[op as Computed]
  return own ?? floats[op as Computed]
}
