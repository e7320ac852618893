/**
 * exp and expm1: `x = k ln 2 + r` with |r| <= ln(2) / 2, a polynomial in r, then the exponent.
 * Measured errors: exp 0.95 units in the last place (subnormal results included), expm1 1.45.
 */
import { type Scalar, select } from '@nablajs/tensor/backend'
import {
  atLeast,
  atMost,
  ln2High,
  ln2Low,
  nearest,
  polynomial,
  powerOfTwo,
  scale,
  withSignOf,
} from './parts.ts'

/** `x = k ln 2 + r`; |x| < 2^21. */
function reduce(x: Scalar): { readonly k: Scalar; readonly r: Scalar } {
  const { float, int } = nearest(x.mul(Math.LOG2E))
  return { k: int, r: x.sub(float.mul(ln2High)).sub(float.mul(ln2Low)) }
}

/** `e^r - 1` for |r| <= ln(2) / 2, relative error 2^-31 before rounding. */
export function expm1Reduced(r: Scalar): Scalar {
  const p = polynomial(
    r,
    [0.5, 0.166666657, 0.0416664854, 0.00833354145, 0.00139332283, 0.000197669942],
  )
  return r.mul(r).mul(p).add(r)
}

/** Beyond these the result is 0 or infinity. */
const lowest = -104
const highest = 89

export function exp(x: Scalar): Scalar {
  const { k, r } = reduce(atLeast(atMost(x, highest), lowest))
  return scale(expm1Reduced(r).add(1), k)
}

/** exp where the result is known to be a normal number (|x| < 87): one scaling instead of two. */
export function expNormal(x: Scalar): Scalar {
  const { k, r } = reduce(x)
  return expm1Reduced(r).add(1).mul(powerOfTwo(k))
}

export function expm1(x: Scalar): Scalar {
  const { k, r } = reduce(atLeast(atMost(x, highest), -18))
  const small = expm1Reduced(r)
  // 2^k (e^r - 1) + (2^k - 1), at half its size: 2^128 is no f32.
  const half = powerOfTwo(k.sub(1))
  const large = half.mul(small).add(half.sub(0.5)).mul(2)
  return withSignOf(x, select(k.eq(0), small, large))
}
