/** The arithmetic that no single vector instruction does: integer division, remainders, mulhi. */
import type { DType } from '@nablajs/tensor/backend'
import type { ModuleBuilder } from './module.ts'
import { simd } from './opcodes.ts'
import { FunctionBuilder, type Local } from './wasm.ts'

/** The upper words of the products of unsigned words. */
export function multiplyHigh(f: FunctionBuilder, a: Local, b: Local): void {
  for (const code of [simd.i64ExtmulLowI32U, simd.i64ExtmulHighI32U]) {
    f.get(a)
    f.get(b)
    f.simd(code)
  }
  f.shuffle(1, 3, 5, 7)
}

/**
 * Truncated quotients, by way of f64: a quotient of 32-bit integers is at least 2^-32 away from the
 * next integer, so its rounding to 53 bits never reaches it. Nothing traps: by zero the result is
 * 0, and -2^31 / -1 wraps.
 */
export function integerDivide(f: FunctionBuilder, dtype: DType, a: Local, b: Local): void {
  const convert = dtype === 'i32' ? simd.f64ConvertLowI32S : simd.f64ConvertLowI32U
  const half = (upper: boolean): void => {
    for (const operand of [a, b]) {
      f.get(operand)
      if (upper) {
        f.get(operand)
        f.shuffle(2, 3, 2, 3)
      }
      f.simd(convert)
    }
    f.simd(simd.f64Div)
    f.simd(simd.f64Trunc)
    // After adding 1.5 * 2^52 the low word of the bits is the integer modulo 2^32.
    f.vector(0, 0x43380000, 0, 0x43380000)
    f.simd(simd.f64Add)
  }
  half(false)
  half(true)
  f.shuffle(0, 2, 4, 6)
}

export function integerRemainder(f: FunctionBuilder, dtype: DType, a: Local, b: Local): void {
  f.get(a)
  integerDivide(f, dtype, a, b)
  f.get(b)
  f.simd(simd.i32Mul)
  f.simd(simd.i32Sub)
}

/** C's fmod, exact for all arguments. */
export function floatRemainder(
  f: FunctionBuilder,
  module: ModuleBuilder,
  a: Local,
  b: Local,
): void {
  const helper = module.helper('fmod', buildFloatRemainder)
  f.get(a)
  f.get(b)
  f.call(helper)
}

/**
 * Long division in f64, on two elements at a time: subtract the leading 29 bits of the quotient
 * times b until the rest is below b. 29 bits times the 24 of b fit the 53 of an f64, so every rest
 * is exact; at most ten rounds, one in practice.
 */
function buildFloatRemainder(): FunctionBuilder {
  const f = new FunctionBuilder(['v128', 'v128'], ['v128'])
  const [x, y] = [0, 1]
  const [rest, divisor, active] = [f.local('v128'), f.local('v128'), f.local('v128')]
  const magnitude = (operand: Local, upper: boolean): void => {
    f.get(operand)
    if (upper) {
      f.get(operand)
      f.shuffle(2, 3, 2, 3)
    }
    f.simd(simd.f64PromoteLowF32)
    f.simd(simd.f64Abs)
  }
  for (const upper of [false, true]) {
    magnitude(x, upper)
    f.set(rest)
    magnitude(y, upper)
    f.set(divisor)
    f.repeat(() => {
      f.get(rest)
      f.get(rest)
      f.get(divisor)
      f.simd(simd.f64Div)
      f.simd(simd.f64Trunc)
      f.vector(0xff000000, 0xffffffff, 0xff000000, 0xffffffff)
      f.simd(simd.and)
      f.get(divisor)
      f.simd(simd.f64Mul)
      f.simd(simd.f64Sub)
      f.get(rest)
      f.get(divisor)
      f.get(rest)
      f.simd(simd.f64Abs)
      f.simd(simd.f64Le)
      f.tee(active)
      f.simd(simd.bitselect)
      f.set(rest)
      f.get(active)
      f.simd(simd.anyTrue)
    })
    // A quotient that was rounded up leaves a negative rest, one divisor too low.
    f.get(rest)
    f.get(divisor)
    f.get(rest)
    f.vector(0, 0, 0, 0)
    f.simd(simd.f64Lt)
    f.simd(simd.and)
    f.simd(simd.f64Add)
    f.simd(simd.f32DemoteF64Zero)
  }
  f.shuffle(0, 1, 4, 5)
  // The sign of x; and NaN where y is NaN, which the comparison above lets through.
  f.get(x)
  f.splat(0x80000000)
  f.simd(simd.and)
  f.simd(simd.or)
  f.set(rest)
  f.get(y)
  f.get(rest)
  f.get(y)
  f.get(y)
  f.simd(simd.f32Ne)
  f.simd(simd.bitselect)
  return f
}
