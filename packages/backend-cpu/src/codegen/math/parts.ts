/**
 * Pieces that several functions share. Everything in this folder is written as scalar programs of
 * plain f32 arithmetic without fused multiply-add, so that results are the same on every machine.
 * Polynomials are minimax fits with coefficients rounded to f32, each made for the interval and the
 * weight its function needs.
 */
import { constant, Scalar, select } from '@nablajs/tensor/backend'

/** `c[0] + c[1] x + c[2] x^2 ...` by Horner's rule. */
export function polynomial(x: Scalar, coefficients: readonly number[]): Scalar {
  let result = constant(coefficients[coefficients.length - 1]!, x.dtype)
  for (let i = coefficients.length - 2; i >= 0; i--) result = result.mul(x).add(coefficients[i]!)
  return result
}

/** The `value` of a select that {@link rarely} made. */
export const rare = 1

/**
 * `select(condition, unusual, usual)`, where what only the unusual side needs is skipped for
 * vectors in which the condition holds nowhere.
 */
export function rarely(condition: Scalar, unusual: Scalar, usual: Scalar): Scalar {
  return new Scalar('select', usual.dtype, [condition, unusual, usual], rare)
}

/** The sign bit of an f32, as a word. */
export function signBit(x: Scalar): Scalar {
  return x.bitcast('u32').and(0x80000000)
}

/** A magnitude with the sign of `x`; for odd functions, whose result at -0 is -0. */
export function withSignOf(x: Scalar, magnitude: Scalar): Scalar {
  return magnitude.bitcast('u32').or(signBit(x)).bitcast('f32')
}

/** `min(x, limit)` in one instruction; a NaN stays. */
export function atMost(x: Scalar, limit: number): Scalar {
  return select(x.gt(limit), limit, x)
}

/** `max(x, limit)` in one instruction; a NaN stays. */
export function atLeast(x: Scalar, limit: number): Scalar {
  return select(x.lt(limit), limit, x)
}

/** 2^k for -126 <= k <= 127, straight into the exponent bits. */
export function powerOfTwo(k: Scalar): Scalar {
  return k.add(127).shl(23).bitcast('f32')
}

/**
 * `x * 2^k` for |k| <= 252, in two exact steps and at most one rounding, so that results may be
 * subnormal or infinite.
 */
export function scale(x: Scalar, k: Scalar): Scalar {
  const half = k.shr(1)
  return x.mul(powerOfTwo(half)).mul(powerOfTwo(k.sub(half)))
}

// Adding 1.5 * 2^23 pushes the fraction out of an f32: what is left is the nearest integer, as a
// float after subtracting it again and as a word in the low bits.
const shifter = 12582912
const shifterBits = 0x4b400000

/** The nearest integer of |x| < 2^22, as f32 and as i32. */
export function nearest(x: Scalar): { readonly float: Scalar; readonly int: Scalar } {
  const shifted = x.add(shifter)
  return { float: shifted.sub(shifter), int: shifted.bitcast('i32').sub(shifterBits) }
}

/**
 * ln 2 in two parts. The first has 9 bits, so that its product with an exponent is exact in f32.
 */
export const ln2High = 0.693359375
export const ln2Low = -2.1219444005469057e-4

/** A float in two parts: `u = m * 2^k` with m in [sqrt(1/2), sqrt(2)); u positive and normal. */
export function splitExponent(u: Scalar): { readonly m: Scalar; readonly k: Scalar } {
  const sqrtHalf = 0x3f3504f3
  const bits = u.bitcast('i32').sub(sqrtHalf)
  return { m: bits.and(0x7fffff).add(sqrtHalf).bitcast('f32'), k: bits.shr(23) }
}
