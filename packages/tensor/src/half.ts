/** The floats of 16 bits: IEEE half precision and bfloat16, the upper half of an f32. */

const float = new Float32Array(1)
const word = new Uint32Array(float.buffer)

function bitsOf(value: number): number {
  float[0] = value
  return word[0]!
}

/** An IEEE 754 half as a number. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  if (exponent === 0) return sign * fraction * 2 ** -24
  return sign * (1024 + fraction) * 2 ** (exponent - 25)
}

/** A bfloat16 as a number. */
export function bfloatToFloat(bits: number): number {
  word[0] = bits << 16
  return float[0]!
}

/** The bits of the half nearest to an f32, to even on a tie; infinity from 65520 on. */
export function floatToHalf(value: number): number {
  const bits = bitsOf(value)
  const sign = (bits >>> 16) & 0x8000
  const size = bits & 0x7fffffff
  if (size > 0x7f800000) return sign | 0x7e00
  if (size >= 0x47800000) return sign | 0x7c00
  // Below 2^-14 halves are multiples of 2^-24, as are the f32 from 0.5 to 1: the sum rounds.
  if (size < 0x38800000) return sign | (bitsOf(Math.abs(float[0]!) + 0.5) - 0x3f000000)
  // The exponent's bias goes from 127 to 15; half of the last place, less one if that is even.
  return sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13)
}

/** The bits of the bfloat16 nearest to an f32, to even on a tie. */
export function floatToBfloat(value: number): number {
  const bits = bitsOf(value)
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16
}
