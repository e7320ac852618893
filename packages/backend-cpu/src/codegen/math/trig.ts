/** sin and cos: the rest modulo pi/2 in f64, then one polynomial or the other by quadrant. */
import { type Scalar, select } from '@nablajs/tensor/backend'
import { polynomial, signBit } from './parts.ts'

// pi/2 in two parts; the first has 33 bits, so that its product with n < 2^20 is exact in f64.
const halfPiHigh = 1.5707963267341256
const halfPiLow = 6.077100506506192e-11

interface Reduced {
  /** The multiple of pi/2 that was taken off (i32). */
  readonly quadrant: Scalar
  readonly sine: Scalar
  readonly cosine: Scalar
}

/** Both functions of |x| modulo pi/2; shared by a program that asks for both. */
function reduced(x: Scalar): Reduced {
  const wide = x.abs().cast('f64')
  const n = wide.mul(2 / Math.PI).round()
  const r = wide.sub(n.mul(halfPiHigh)).sub(n.mul(halfPiLow)).cast('f32')
  const z = r.mul(r)
  const s = polynomial(z, [-0.166666672, 0.00833338033, -0.000198534981, 2.83724717e-6])
  const c = polynomial(z, [0.0416666456, -0.00138873095, 2.44323273e-5])
  return {
    quadrant: n.cast('i32'),
    sine: z.mul(r).mul(s).add(r),
    cosine: z.mul(z).mul(c).sub(z.mul(0.5)).add(1),
  }
}

export function sin(x: Scalar): Scalar {
  const { quadrant, sine, cosine } = reduced(x)
  const value = select(quadrant.and(1).eq(0), sine, cosine)
  return flip(value, quadrant, signBit(x))
}

export function cos(x: Scalar): Scalar {
  const { quadrant, sine, cosine } = reduced(x)
  const value = select(quadrant.and(1).eq(0), cosine, sine)
  return flip(value, quadrant.add(1))
}

/** Changes the sign in the quadrants 2 and 3, and by `sign`. */
function flip(value: Scalar, quadrant: Scalar, sign?: Scalar): Scalar {
  const lower = quadrant.and(2).shl(30).bitcast('u32')
  return value
    .bitcast('u32')
    .xor(sign ? lower.xor(sign) : lower)
    .bitcast('f32')
}
