/** The 16-bit floats of files: IEEE half precision and bfloat16. */

/** An IEEE 754 half as a number. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  if (exponent === 0) return sign * fraction * 2 ** -24
  return sign * (1024 + fraction) * 2 ** (exponent - 25)
}

const word = new DataView(new ArrayBuffer(4))

/** A bfloat16, the upper half of a float32, as a number. */
export function bfloatToFloat(bits: number): number {
  word.setUint32(0, bits << 16)
  return word.getFloat32(0)
}
