/**
 * The wasm code of each primitive on a vector of four elements. The functions of `math/` are gone
 * by now (see `lower.ts`).
 *
 * In registers a bool is a mask (all ones or all zeros), an f64 is two vectors (elements 0 1 and
 * 2 3), everything else one vector.
 */
import type { DType, Primitive } from '@nablajs/tensor/backend'
import { floatRemainder, integerDivide, integerRemainder, multiplyHigh } from './arithmetic.ts'
import type { ModuleBuilder } from './module.ts'
import { op, simd } from './opcodes.ts'
import type { FunctionBuilder, Local } from './wasm.ts'

/** Where a value is: one local, or two for an f64. */
export type Place = readonly Local[]

export interface Operand {
  readonly dtype: DType
  readonly place: Place
  /** All lanes are equal. */
  readonly uniform: boolean
}

/** Primitives, and what {@link Body} recognises as one machine instruction. */
export type StepOp = Primitive | 'pmin' | 'pmax' | 'mask' | 'maskNot'

type Codes = Partial<Record<DType, number>>
type Emit = (
  f: FunctionBuilder,
  dtype: DType,
  args: readonly Operand[],
  module: ModuleBuilder,
) => void

const integers = (code: number): Codes => ({ i32: code, u32: code })
const words = (code: number): Codes => ({ i32: code, u32: code, bool: code })

/** Primitives that are one vector instruction; the dtype is that of the arguments. */
const direct: Partial<Record<StepOp, Codes>> = {
  add: { f32: simd.f32Add, f64: simd.f64Add, ...integers(simd.i32Add) },
  sub: { f32: simd.f32Sub, f64: simd.f64Sub, ...integers(simd.i32Sub) },
  mul: { f32: simd.f32Mul, f64: simd.f64Mul, ...integers(simd.i32Mul) },
  div: { f32: simd.f32Div, f64: simd.f64Div },
  min: { f32: simd.f32Min, i32: simd.i32MinS, u32: simd.i32MinU },
  max: { f32: simd.f32Max, i32: simd.i32MaxS, u32: simd.i32MaxU },
  pmin: { f32: simd.f32Pmin },
  pmax: { f32: simd.f32Pmax },
  and: words(simd.and),
  or: words(simd.or),
  xor: words(simd.xor),
  not: words(simd.not),
  lt: { f32: simd.f32Lt, i32: simd.i32LtS, u32: simd.i32LtU, bool: simd.i32LtU },
  le: { f32: simd.f32Le, i32: simd.i32LeS, u32: simd.i32LeU, bool: simd.i32LeU },
  eq: { f32: simd.f32Eq, ...words(simd.i32Eq) },
  ne: { f32: simd.f32Ne, ...words(simd.i32Ne) },
  neg: { f32: simd.f32Neg, ...integers(simd.i32Neg) },
  abs: { f32: simd.f32Abs, i32: simd.i32Abs },
  floor: { f32: simd.f32Floor },
  ceil: { f32: simd.f32Ceil },
  round: { f32: simd.f32Nearest, f64: simd.f64Nearest },
  trunc: { f32: simd.f32Trunc },
  sqrt: { f32: simd.f32Sqrt },
}

const special: Partial<Record<StepOp, Emit>> = {
  abs: (f, _, [x]) => f.get(x!.place[0]!), // of a u32
  sign: emitSign,
  div: (f, dtype, [a, b]) => integerDivide(f, dtype, a!.place[0]!, b!.place[0]!),
  rem: (f, dtype, [a, b], module) => {
    if (dtype === 'f32') floatRemainder(f, module, a!.place[0]!, b!.place[0]!)
    else integerRemainder(f, dtype, a!.place[0]!, b!.place[0]!)
  },
  mulhi: (f, _, [a, b]) => multiplyHigh(f, a!.place[0]!, b!.place[0]!),
  shl: (f, _, args) => emitShift(f, simd.i32Shl, op.i32Shl, args),
  shr: (f, dtype, args) => {
    if (dtype === 'i32') emitShift(f, simd.i32ShrS, op.i32ShrS, args)
    else emitShift(f, simd.i32ShrU, op.i32ShrU, args)
  },
  select: (f, _, [condition, a, b]) => {
    f.get(a!.place[0]!)
    f.get(b!.place[0]!)
    f.get(condition!.place[0]!)
    f.simd(simd.bitselect)
  },
  mask: (f, _, [condition, x]) => binary(f, simd.and, x!, condition!),
  maskNot: (f, _, [condition, x]) => binary(f, simd.andnot, x!, condition!),
  cast: (f, dtype, [x]) => emitCast(f, x!, dtype),
  bitcast: (f, dtype, [x]) => {
    if (x!.dtype === 'bool') emitCast(f, x!, 'u32')
    else if (dtype === 'bool') emitCast(f, { ...x!, dtype: 'u32' }, 'bool')
    else f.get(x!.place[0]!)
  },
}

/** Pushes the result of one primitive (for an f64 two vectors, the first half first). */
export function emitInstruction(
  f: FunctionBuilder,
  module: ModuleBuilder,
  step: StepOp,
  dtype: DType,
  args: readonly Operand[],
): void {
  const first = args[0]!
  const code = direct[step]?.[first.dtype]
  if (code !== undefined) {
    for (const half of first.place.keys()) {
      for (const arg of args) f.get(arg.place[half]!)
      f.simd(code)
    }
    return
  }
  const emit = special[step]
  if (!emit || (first.dtype === 'f64' && step !== 'cast'))
    throw new Error(`code generator: no ${step} of ${first.dtype}`)
  emit(f, dtype, args, module)
}

/** Pushes a constant (once, also for an f64: its halves are equal). */
export function emitConstant(f: FunctionBuilder, dtype: DType, value: number): void {
  const bits = new DataView(new ArrayBuffer(8))
  if (dtype === 'f64') {
    bits.setFloat64(0, value, true)
    const [low, high] = [bits.getInt32(0, true), bits.getInt32(4, true)]
    f.vector(low, high, low, high)
    return
  }
  if (dtype === 'f32') bits.setFloat32(0, value, true)
  else if (dtype === 'bool') bits.setInt32(0, value === 0 ? 0 : -1, true)
  else bits.setInt32(0, value, true)
  f.splat(bits.getInt32(0, true))
}

function binary(f: FunctionBuilder, code: number, a: Operand, b: Operand): void {
  f.get(a.place[0]!)
  f.get(b.place[0]!)
  f.simd(code)
}

/** Zeros and NaN stay as they are; everything else becomes 1 with the sign of x. */
function emitSign(f: FunctionBuilder, dtype: DType, [x]: readonly Operand[]): void {
  const value = x!.place[0]!
  const shifted = (code: number): void => {
    f.i32(31)
    f.simd(code)
  }
  f.get(value)
  if (dtype === 'u32') {
    f.splat(1)
    f.simd(simd.i32MinU)
  } else if (dtype === 'i32') {
    shifted(simd.i32ShrS)
    f.get(value)
    f.simd(simd.i32Neg)
    shifted(simd.i32ShrU)
    f.simd(simd.or)
  } else {
    f.splat(0x80000000)
    f.simd(simd.and)
    f.splat(0x3f800000)
    f.simd(simd.or)
    f.get(value)
    f.splat(0)
    f.get(value)
    f.simd(simd.f32Abs)
    f.simd(simd.f32Lt)
    f.simd(simd.bitselect)
  }
}

/** wasm shifts all lanes by one count; counts that differ between lanes go one by one. */
function emitShift(
  f: FunctionBuilder,
  vectorCode: number,
  scalarCode: number,
  [x, count]: readonly Operand[],
): void {
  const [value, by] = [x!.place[0]!, count!.place[0]!]
  f.get(value)
  if (count!.uniform) {
    f.get(by)
    f.lane(simd.i32ExtractLane, 0)
    f.simd(vectorCode)
    return
  }
  for (let lane = 0; lane < 4; lane++) {
    f.get(value)
    f.lane(simd.i32ExtractLane, lane)
    f.get(by)
    f.lane(simd.i32ExtractLane, lane)
    f.op(scalarCode)
    f.lane(simd.i32ReplaceLane, lane)
  }
}

function emitCast(f: FunctionBuilder, { dtype: from, place }: Operand, to: DType): void {
  const value = place[0]!
  const upper = (): void => {
    f.get(value)
    f.get(value)
    f.shuffle(2, 3, 2, 3)
  }
  if (to === 'f64') {
    const code = { f32: simd.f64PromoteLowF32, i32: simd.f64ConvertLowI32S }[from as 'f32' | 'i32']
    f.get(value)
    f.simd(code)
    upper()
    f.simd(code)
  } else if (from === 'f64' && to === 'f32') {
    for (const half of place) {
      f.get(half)
      f.simd(simd.f32DemoteF64Zero)
    }
    f.shuffle(0, 1, 4, 5)
  } else if (from === 'f64') {
    // Only `math/` comes here, with whole numbers: their low words, after adding 1.5 * 2^52.
    for (const half of place) {
      f.get(half)
      f.vector(0, 0x43380000, 0, 0x43380000)
      f.simd(simd.f64Add)
    }
    f.shuffle(0, 2, 4, 6)
  } else if (to === 'bool') {
    f.get(value)
    f.splat(0)
    f.simd(from === 'f32' ? simd.f32Ne : simd.i32Ne)
  } else if (from === 'bool') {
    f.get(value)
    f.splat(to === 'f32' ? 0x3f800000 : 1)
    f.simd(simd.and)
  } else {
    f.get(value)
    if (to === 'f32') f.simd(from === 'i32' ? simd.f32ConvertI32S : simd.f32ConvertI32U)
    else if (from === 'f32') f.simd(to === 'i32' ? simd.i32TruncSatF32S : simd.i32TruncSatF32U)
  }
}
