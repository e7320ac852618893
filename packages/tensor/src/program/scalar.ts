/**
 * Scalar programs: the language of all elementwise computation.
 *
 * A {@link Scalar} is a node of a small typed DAG. Op rows, optimizers and losses build it with
 * ordinary method calls (`x.mul(y).add(1)`); `program.ts` turns the result into a list of
 * instructions, `derivative.ts` differentiates it, and each backend renders the primitives below
 * once. Nothing here computes a number.
 */

import { type DType, dtypes, isFloat } from '../dtype.ts'
import { DTypeError } from '../errors.ts'

/**
 * Every primitive with its number of arguments.
 *
 * Leaves carry a `value`: `input` and `scalar` their position, `constant` its number, `index` its
 * axis. `position` is the row-major number of the element in the iteration space (u32).
 *
 * Semantics that backends must share:
 * - `min`, `max`: NaN if either is NaN; of 0 and -0 either one. `lt le eq` are false on NaN, `ne` is
 *   true; they give bool.
 * - `pow` is C's: `pow(x, 0)` and `pow(1, y)` are 1, also for NaN, and so is `pow(-1, ±Infinity)`.
 * - `round` goes to even on a half; `sign(0) = 0`, `sign(NaN) = NaN`.
 * - Integer `add sub mul` wrap; integer `div` and `rem` truncate towards zero (by zero: any value,
 *   no trap). Float `rem` is C's fmod. `shr` is arithmetic on i32, logical on u32; shift counts are
 *   taken modulo 32. `mulhi` is the upper half of the 64-bit product of two u32.
 * - `cast` of a float to i32 or u32 truncates and saturates, NaN gives 0; to bool: not equal to 0.
 * - `bitcast` keeps the bits of a 32-bit type.
 *
 * Nodes may be f16 or bf16, so that ops need not care; `program.ts` turns what is computed on them
 * into f32, and only reads and writes halves.
 */
export const arity = {
  input: 0,
  scalar: 0,
  constant: 0,
  index: 0,
  position: 0,
  cast: 1,
  bitcast: 1,
  not: 1,
  neg: 1,
  abs: 1,
  sign: 1,
  floor: 1,
  ceil: 1,
  round: 1,
  trunc: 1,
  sqrt: 1,
  exp: 1,
  expm1: 1,
  log: 1,
  log1p: 1,
  sin: 1,
  cos: 1,
  tanh: 1,
  erf: 1,
  add: 2,
  sub: 2,
  mul: 2,
  div: 2,
  rem: 2,
  pow: 2,
  atan2: 2,
  min: 2,
  max: 2,
  mulhi: 2,
  and: 2,
  or: 2,
  xor: 2,
  shl: 2,
  shr: 2,
  lt: 2,
  le: 2,
  eq: 2,
  ne: 2,
  select: 3,
} as const

const floats: readonly DType[] = ['f32', 'f64', 'f16', 'bf16']
const numbers: readonly DType[] = [...floats, 'i32', 'u32']

/** The name of a primitive. */
export type Primitive = keyof typeof arity

/** A number where a node is expected becomes a constant of the other side's dtype. */
export type ScalarLike = Scalar | number

/** A node of a scalar program: see the file's first lines. */
export class Scalar {
  readonly op: Primitive
  readonly dtype: DType
  readonly args: readonly Scalar[]
  readonly value: number

  constructor(op: Primitive, dtype: DType, args: readonly Scalar[], value = 0) {
    this.op = op
    this.dtype = dtype
    this.args = args
    this.value = value
  }

  add(other: ScalarLike): Scalar {
    return this.#arithmetic('add', other)
  }
  sub(other: ScalarLike): Scalar {
    return this.#arithmetic('sub', other)
  }
  mul(other: ScalarLike): Scalar {
    return this.#arithmetic('mul', other)
  }
  div(other: ScalarLike): Scalar {
    return this.#arithmetic('div', other)
  }
  /** The remainder with the sign of the dividend (C's fmod). */
  rem(other: ScalarLike): Scalar {
    return this.#arithmetic('rem', other)
  }
  min(other: ScalarLike): Scalar {
    return this.#arithmetic('min', other)
  }
  max(other: ScalarLike): Scalar {
    return this.#arithmetic('max', other)
  }
  pow(other: ScalarLike): Scalar {
    return this.#float('pow', other)
  }
  /** The angle of the point (other, this), in radians. */
  atan2(other: ScalarLike): Scalar {
    return this.#float('atan2', other)
  }
  mulhi(other: ScalarLike): Scalar {
    return this.#only('mulhi', ['u32'], other)
  }
  and(other: ScalarLike): Scalar {
    return this.#only('and', ['bool', 'i32', 'u32'], other)
  }
  or(other: ScalarLike): Scalar {
    return this.#only('or', ['bool', 'i32', 'u32'], other)
  }
  xor(other: ScalarLike): Scalar {
    return this.#only('xor', ['bool', 'i32', 'u32'], other)
  }
  shl(other: ScalarLike): Scalar {
    return this.#only('shl', ['i32', 'u32'], other)
  }
  shr(other: ScalarLike): Scalar {
    return this.#only('shr', ['i32', 'u32'], other)
  }

  lt(other: ScalarLike): Scalar {
    return this.#compare('lt', other)
  }
  le(other: ScalarLike): Scalar {
    return this.#compare('le', other)
  }
  gt(other: ScalarLike): Scalar {
    return lift(other, this.dtype).lt(this)
  }
  ge(other: ScalarLike): Scalar {
    return lift(other, this.dtype).le(this)
  }
  eq(other: ScalarLike): Scalar {
    return this.#compare('eq', other)
  }
  ne(other: ScalarLike): Scalar {
    return this.#compare('ne', other)
  }

  neg(): Scalar {
    return this.#numeric('neg')
  }
  abs(): Scalar {
    return this.#numeric('abs')
  }
  sign(): Scalar {
    return this.#numeric('sign')
  }
  floor(): Scalar {
    return this.#rounding('floor')
  }
  ceil(): Scalar {
    return this.#rounding('ceil')
  }
  round(): Scalar {
    return this.#rounding('round')
  }
  trunc(): Scalar {
    return this.#rounding('trunc')
  }
  sqrt(): Scalar {
    return this.#float('sqrt')
  }
  exp(): Scalar {
    return this.#float('exp')
  }
  expm1(): Scalar {
    return this.#float('expm1')
  }
  log(): Scalar {
    return this.#float('log')
  }
  log1p(): Scalar {
    return this.#float('log1p')
  }
  sin(): Scalar {
    return this.#float('sin')
  }
  cos(): Scalar {
    return this.#float('cos')
  }
  tanh(): Scalar {
    return this.#float('tanh')
  }
  erf(): Scalar {
    return this.#float('erf')
  }
  /** Logical not of a bool, bitwise not of an integer. */
  not(): Scalar {
    return this.#only('not', ['bool', 'i32', 'u32'])
  }

  cast(dtype: DType): Scalar {
    if (dtype === this.dtype) return this
    if (this.op === 'constant') return constant(this.value, dtype)
    return new Scalar('cast', dtype, [this])
  }
  bitcast(dtype: DType): Scalar {
    if (dtypes[dtype].bytes !== 4 || dtypes[this.dtype].bytes !== 4)
      throw new DTypeError(`bitcast: ${this.dtype} to ${dtype}: both must have 32 bits`)
    return dtype === this.dtype ? this : new Scalar('bitcast', dtype, [this])
  }

  #arithmetic(op: Primitive, other: ScalarLike): Scalar {
    return this.#only(op, numbers, other)
  }
  #numeric(op: Primitive): Scalar {
    return this.#only(op, numbers)
  }
  #rounding(op: Primitive): Scalar {
    return isFloat(this.dtype) ? new Scalar(op, this.dtype, [this]) : this
  }
  #float(op: Primitive, other?: ScalarLike): Scalar {
    return this.#only(op, floats, other)
  }
  #only(op: Primitive, allowed: readonly DType[], other?: ScalarLike): Scalar {
    if (!allowed.includes(this.dtype))
      throw new DTypeError(`${op}: ${this.dtype} came; it takes ${allowed.join(', ')}`)
    if (other === undefined) return new Scalar(op, this.dtype, [this])
    return new Scalar(op, this.dtype, [this, this.#same(op, other)])
  }
  #compare(op: Primitive, other: ScalarLike): Scalar {
    return new Scalar(op, 'bool', [this, this.#same(op, other)])
  }
  #same(op: Primitive, other: ScalarLike): Scalar {
    const node = lift(other, this.dtype)
    if (node.dtype !== this.dtype)
      throw new DTypeError(`${op}: ${this.dtype} and ${node.dtype}: cast one side first`)
    return node
  }
}

function lift(value: ScalarLike, dtype: DType): Scalar {
  return typeof value === 'number' ? constant(value, dtype) : value
}

/** A number known when the program is built. */
export function constant(value: number, dtype: DType): Scalar {
  return new Scalar('constant', dtype, [], dtypes[dtype].fit(value))
}

/** The element's index on an axis of the iteration space (i32). */
export function index(axis: number): Scalar {
  return new Scalar('index', 'i32', [], axis)
}

/** The element's row-major number in the iteration space (u32). */
export function position(): Scalar {
  return new Scalar('position', 'u32', [])
}

/** `condition ? a : b`; the side not taken does not reach the result, not even as NaN. */
export function select(condition: Scalar, a: ScalarLike, b: ScalarLike): Scalar {
  if (condition.dtype !== 'bool')
    throw new DTypeError(`select: the condition is ${condition.dtype}; it must be bool`)
  const typed = typeof a === 'number' ? b : a
  if (typeof typed === 'number')
    throw new DTypeError('select: two plain numbers; make one a constant of a dtype')
  const left = lift(a, typed.dtype)
  const right = lift(b, typed.dtype)
  if (left.dtype !== right.dtype)
    throw new DTypeError(`select: ${left.dtype} and ${right.dtype}: cast one side first`)
  return new Scalar('select', left.dtype, [condition, left, right])
}
