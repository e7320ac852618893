/**
 * Halves (IEEE half precision and bfloat16) to the f32 that they stand for, and back.
 *
 *     widen:   float[i] = half at the i-th place
 *     narrow:  half at the i-th place = float[i], rounded to the nearest, to even on a tie
 *
 * The floats lie dense; the places are those of a view, walked in row-major order. Both ways keep the
 * sign and what fits of a NaN's payload, so that halves that are only moved keep their bits.
 */
import { min32 } from './simd'

/** JavaScript writes the fields in this order. Steps in bytes. */
@unmanaged
export class Conversion {
  half: usize
  float: usize
  /** Whether the halves are bfloat16. */
  brain: i32
  narrow: i32
  /** Number of axes, at least one. Their records follow: extent and step of the halves. */
  rank: i32
}

const AXES: usize = 20
const RECORD: usize = 8

/** The elements `first .. last`. */
export function convert(c: Conversion, first: i32, last: i32): void {
  const axes = changetype<usize>(c) + AXES
  const inner = axes + <usize>(c.rank - 1) * RECORD
  const extent = load<i32>(inner)
  const step = load<i32>(inner, 4)
  while (first < last) {
    let row = first / extent
    const at = first - row * extent
    let half = c.half + <usize>(at * step)
    for (let axis = inner; axis > axes; ) {
      axis -= RECORD
      const next = row / load<i32>(axis)
      half += <usize>((row - next * load<i32>(axis)) * load<i32>(axis, 4))
      row = next
    }
    const count = min32(extent - at, last - first)
    const float = c.float + (<usize>first << 2)
    if (c.narrow) narrowRow(c.brain, half, step, float, count)
    else widenRow(c.brain, half, step, float, count)
    first += count
  }
}

function widenRow(brain: i32, half: usize, step: i32, float: usize, count: i32): void {
  if (step == 2) {
    for (; count >= 4; count -= 4) {
      v128.store(float, widen(brain, v128.load_ext<u16>(half)))
      half += 8
      float += 16
    }
  }
  for (; count > 0; count--) {
    v128.store_lane<u32>(float, widen(brain, i32x4.splat(load<u16>(half))), 0)
    half += step
    float += 4
  }
}

function narrowRow(brain: i32, half: usize, step: i32, float: usize, count: i32): void {
  if (step == 2) {
    for (; count >= 4; count -= 4) {
      const narrowed = narrow(brain, v128.load(float))
      v128.store_lane<u64>(half, i16x8.narrow_i32x4_u(narrowed, narrowed), 0)
      half += 8
      float += 16
    }
  }
  for (; count > 0; count--) {
    v128.store_lane<u16>(half, narrow(brain, v128.load32_splat(float)), 0)
    half += step
    float += 4
  }
}

// @ts-ignore: decorator
@inline
function widen(brain: i32, bits: v128): v128 {
  if (brain) return i32x4.shl(bits, 16)
  const sign = i32x4.shl(v128.and(bits, i32x4.splat(0x8000)), 16)
  // The exponent's bias goes from 15 to 127.
  const size = i32x4.add(
    i32x4.shl(v128.and(bits, i32x4.splat(0x7fff)), 13),
    i32x4.splat(112 << 23),
  )
  // What has the least exponent is a multiple of 2^-24: the fraction of a number from 2^-14, without the 2^-14.
  const subnormal = f32x4.sub(
    i32x4.add(size, i32x4.splat(1 << 23)),
    i32x4.splat(113 << 23),
  )
  // The largest exponent stays the largest.
  const infinite = i32x4.ge_s(size, i32x4.splat(143 << 23))
  const large = v128.or(size, v128.and(infinite, i32x4.splat(0x7f800000)))
  const isSubnormal = i32x4.lt_s(size, i32x4.splat(113 << 23))
  return v128.or(sign, v128.bitselect(subnormal, large, isSubnormal))
}

// @ts-ignore: decorator
@inline
function narrow(brain: i32, bits: v128): v128 {
  const size = v128.and(bits, i32x4.splat(0x7fffffff))
  const isNaN = i32x4.gt_s(size, i32x4.splat(0x7f800000))
  const upper = i32x4.shr_u(bits, 16)
  const one = i32x4.splat(1)
  if (brain) {
    const half = i32x4.add(v128.and(upper, one), i32x4.splat(0x7fff))
    const nearest = i32x4.shr_u(i32x4.add(bits, half), 16)
    return v128.any_true(isNaN) ? keepNaN(isNaN, nearest, upper, 0x7f) : nearest
  }
  // The bias goes from 127 to 15; half of the last place, less one if that is even. 2^16 becomes infinity.
  const odd = v128.and(i32x4.shr_u(size, 13), one)
  const capped = i32x4.min_s(size, i32x4.splat(143 << 23))
  const nearest = i32x4.shr_u(
    i32x4.add(i32x4.add(capped, odd), i32x4.splat(0xfff - (112 << 23))),
    13,
  )
  // Below 2^-14 halves are multiples of 2^-24, as are the f32 from 0.5 to 1: the sum rounds.
  const subnormal = i32x4.sub(f32x4.add(size, f32x4.splat(0.5)), i32x4.splat(0x3f000000))
  const isSubnormal = i32x4.lt_s(size, i32x4.splat(113 << 23))
  const sign = v128.and(upper, i32x4.splat(0x8000))
  const half = v128.or(sign, v128.bitselect(subnormal, nearest, isSubnormal))
  if (!v128.any_true(isNaN)) return half
  // A NaN has become an infinity: the exponent is right.
  const payload = v128.and(i32x4.shr_u(size, 13), i32x4.splat(0x3ff))
  return keepNaN(isNaN, half, v128.or(half, payload), 0x3ff)
}

/** `nan` in the lanes of `isNaN`, with a payload lest it be an infinity; `half` in the others. */
function keepNaN(isNaN: v128, half: v128, nan: v128, fraction: i32): v128 {
  const lost = i32x4.eq(v128.and(nan, i32x4.splat(fraction)), i32x4.splat(0))
  const quiet = v128.and(lost, i32x4.splat((fraction + 1) >> 1))
  return v128.bitselect(v128.or(nan, quiet), half, isNaN)
}
