/**
 * Random numbers as a scalar program: Philox-4x32-10, a counter-based generator (Salmon, Moraes,
 * Dror, Shaw: "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011).
 *
 * Block number `c` under key `k` is a pure function of (c, k), so every device computes the same
 * bits in any order, and a mask needs no memory: the backward pass draws it again.
 */
import { computeType, type FloatDType } from '../dtype.ts'
import { constant, position, type Scalar } from './scalar.ts'

const M0 = 0xd2511f53
const M1 = 0xcd9e8d57
const W0 = 0x9e3779b9
const W1 = 0xbb67ae85

const u32 = (value: number): Scalar => constant(value, 'u32')

/** The four random words of a 128-bit counter under a 64-bit key; all u32. */
export function philox(
  counter: readonly [Scalar, Scalar, Scalar, Scalar],
  key: readonly [Scalar, Scalar],
): [Scalar, Scalar, Scalar, Scalar] {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < 10; round++) {
    if (round > 0) {
      k0 = k0.add(W0)
      k1 = k1.add(W1)
    }
    const [hi0, lo0] = [c0.mulhi(M0), c0.mul(M0)]
    const [hi1, lo1] = [c2.mulhi(M1), c2.mul(M1)]
    ;[c0, c1, c2, c3] = [hi1.xor(c1).xor(k0), lo1, hi0.xor(c3).xor(k1), lo0]
  }
  return [c0, c1, c2, c3]
}

/** The random words of the element at hand: the counter is its position, the key a seed and a stream. */
export function randomWords(seed: Scalar, stream: Scalar): [Scalar, Scalar, Scalar, Scalar] {
  return philox([position(), u32(0), u32(0), u32(0)], [seed, stream])
}

/** A word as a float in [0, 1): its upper 24 bits, which f32 holds exactly; 11 for f16, 8 for bf16. */
export function unit(word: Scalar, dtype: FloatDType): Scalar {
  const bits = dtype === 'f16' ? 11 : dtype === 'bf16' ? 8 : 24
  return word
    .shr(32 - bits)
    .cast(dtype)
    .mul(2 ** -bits)
}

/** Two words as one standard normal number, by Box and Muller's cosine form. */
export function gaussian(a: Scalar, b: Scalar, dtype: FloatDType): Scalar {
  const fine = computeType(dtype) as FloatDType
  // 1 - u lies in (0, 1], so the logarithm is finite.
  const radius = unit(a, fine).neg().add(1).log().mul(-2).sqrt()
  return radius
    .mul(
      unit(b, fine)
        .mul(2 * Math.PI)
        .cos(),
    )
    .cast(dtype)
}
