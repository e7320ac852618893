/**
 * sin and cos: the rest modulo pi/2, then one polynomial or the other by quadrant.
 *
 * Up to 2^20 the rest is taken in f64. Beyond, the product with 2/pi is formed in integers (the
 * method of Payne and Hanek): only bits of 2/pi that reach below the whole turns matter. Measured
 * errors, at all magnitudes: 1.49 units in the last place.
 */
import { constant, type Scalar, select } from '@nablajs/tensor/backend'
import { polynomial, rarely, signBit } from './parts.ts'

// pi/2 in two parts; the first has 33 bits, so that its product with n < 2^20 is exact in f64.
const halfPiHigh = 1.5707963267341256
const halfPiLow = 6.077100506506192e-11

/** The bits of 2/pi after 32 zeros. */
const twoOverPi = [
  0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab,
]

interface Rest {
  /** The multiple of pi/2 that was taken off, modulo 4 (i32). */
  readonly quadrant: Scalar
  /** What is left, at most pi/4 either way. */
  readonly r: Scalar
}

function restOfSmall(a: Scalar): Rest {
  const wide = a.cast('f64')
  const n = wide.mul(2 / Math.PI).round()
  const r = wide.sub(n.mul(halfPiHigh)).sub(n.mul(halfPiLow)).cast('f32')
  return { quadrant: n.cast('i32'), r }
}

function restOfLarge(a: Scalar): Rest {
  const bits = a.bitcast('u32')
  const mantissa = bits.and(0x7fffff).or(0x800000)
  // a = mantissa * 2^e. Bits of 2/pi that weigh 4 or more after the product are whole turns: the
  // first one to take is e + 30 places into the table.
  const start = bits.shr(23).sub(150 - 30)
  const [skip, shift] = [start.shr(5), start.and(31)]
  const words = [0, 1, 2, 3].map((j) => {
    let word = constant(twoOverPi[j]!, 'u32')
    for (let k = 1; k <= 4; k++) word = select(skip.eq(k), twoOverPi[j + k]!, word)
    return word
  })
  const [w0, w1, w2] = [0, 1, 2].map((j) => {
    const rest = words[j + 1]!.shr(1).shr(shift.xor(31))
    return words[j]!.shl(shift).or(rest)
  }) as [Scalar, Scalar, Scalar]
  // The upper 64 of the 96 bits of the product: two of quadrant, then the fraction.
  const low = w1.mul(mantissa)
  const middle = low.add(w2.mulhi(mantissa))
  const carry = middle.lt(low).cast('u32')
  const high = w0.mul(mantissa).add(w1.mulhi(mantissa)).add(carry)
  // To the nearest quadrant: the rest, as a signed fraction, may be negative.
  const quadrant = high.add(0x20000000).shr(30).bitcast('i32')
  const whole = high
    .shl(2)
    .or(middle.shr(30))
    .bitcast('i32')
    .cast('f64')
    .mul(2 ** -32)
  const below = middle
    .shl(2)
    .shr(1)
    .bitcast('i32')
    .cast('f64')
    .mul(2 ** -63)
  const r = whole
    .add(below)
    .mul(Math.PI / 2)
    .cast('f32')
  return { quadrant, r: select(a.lt(Number.POSITIVE_INFINITY), r, Number.NaN) }
}

interface Both extends Pick<Rest, 'quadrant'> {
  readonly sine: Scalar
  readonly cosine: Scalar
}

/** Both functions of |x| modulo pi/2; shared by a program that asks for both. */
function both(x: Scalar): Both {
  const a = x.abs()
  const [small, large] = [restOfSmall(a), restOfLarge(a)]
  const isLarge = a.ge(2 ** 20)
  const r = rarely(isLarge, large.r, small.r)
  const z = r.mul(r)
  const s = polynomial(z, [-0.166666672, 0.00833338033, -0.000198534981, 2.83724717e-6])
  const c = polynomial(z, [0.0416666456, -0.00138873095, 2.44323273e-5])
  return {
    quadrant: rarely(isLarge, large.quadrant, small.quadrant),
    sine: z.mul(r).mul(s).add(r),
    cosine: z.mul(z).mul(c).sub(z.mul(0.5)).add(1),
  }
}

export function sin(x: Scalar): Scalar {
  const { quadrant, sine, cosine } = both(x)
  const value = select(quadrant.and(1).eq(0), sine, cosine)
  return flip(value, quadrant, signBit(x))
}

export function cos(x: Scalar): Scalar {
  const { quadrant, sine, cosine } = both(x)
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
