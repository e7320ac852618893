/** NaN, infinity, signs, extremes, casts and remainders in WGSL; see `functions.ts`. */
import type { WgslFunction } from './functions.ts'

export type BasicName =
  | 'inf'
  | 'nan'
  | 'is_nan'
  | 'is_inf'
  | 'is_finite'
  | 'hidden'
  | 'ordered'
  | 'with_sign'
  | 'high_half'
  | 'min_f'
  | 'max_f'
  | 'sign_f'
  | 'to_i32'
  | 'to_u32'
  | 'from_f16'
  | 'to_f16'
  | 'mulhi'
  | 'fmod'

export const basicFunctions: Readonly<Record<BasicName, WgslFunction>> = {
  inf: { code: 'fn inf() -> f32 { return bitcast<f32>(0x7f800000u | params.zero); }' },
  nan: { code: 'fn nan() -> f32 { return bitcast<f32>(0x7fc00000u | params.zero); }' },
  is_nan: {
    code: 'fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }',
  },
  is_inf: {
    code: 'fn is_inf(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u; }',
  },
  is_finite: {
    code: 'fn is_finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }',
  },
  hidden: {
    code: `// x, in a way that a compiler cannot see through: x - x and x * 0 must stay NaN for NaN.
fn hidden(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) | params.zero); }`,
  },
  ordered: {
    needs: ['is_nan'],
    code: 'fn ordered(a: f32, b: f32) -> bool { return !(is_nan(a) || is_nan(b)); }',
  },
  with_sign: {
    code: `// The magnitude of m with the sign of x.
fn with_sign(x: f32, m: f32) -> f32 {
  return bitcast<f32>((bitcast<u32>(m) & 0x7fffffffu) | (bitcast<u32>(x) & 0x80000000u));
}`,
  },
  high_half: {
    code: `// The upper 12 bits of the significand: products of two such numbers are exact.
fn high_half(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u); }`,
  },
  min_f: {
    needs: ['is_nan'],
    code: 'fn min_f(a: f32, b: f32) -> f32 { return select(select(min(a, b), b, is_nan(b)), a, is_nan(a)); }',
  },
  max_f: {
    needs: ['is_nan'],
    code: 'fn max_f(a: f32, b: f32) -> f32 { return select(select(max(a, b), b, is_nan(b)), a, is_nan(a)); }',
  },
  sign_f: {
    needs: ['is_nan'],
    code: 'fn sign_f(x: f32) -> f32 { return select(sign(x), x, is_nan(x)); }',
  },
  to_i32: {
    needs: ['is_nan'],
    code: `// Saturates; NaN gives 0.
fn to_i32(x: f32) -> i32 {
  let inside = i32(clamp(x, -2147483648.0, 2147483520.0));
  return select(select(inside, 2147483647, x >= 2147483648.0), 0, is_nan(x));
}`,
  },
  to_u32: {
    needs: ['is_nan'],
    code: `// Saturates; NaN gives 0.
fn to_u32(x: f32) -> u32 {
  let inside = u32(clamp(x, 0.0, 4294967040.0));
  return select(select(inside, 4294967295u, x >= 4294967296.0), 0u, is_nan(x));
}`,
  },
  from_f16: {
    code: `// A half as f32, by its bits: WGSL lets a conversion take subnormal halves for 0.
fn from_f16(x: f16) -> f32 {
  let bits = bitcast<u32>(vec2<f16>(x));
  let size = bits & 0x7fffu;
  let normal = (size << 13u) + select(0x38000000u, 0x70000000u, size >= 0x7c00u);
  let subnormal = bitcast<u32>(f32(size) * 5.9604644775390625e-8f);
  return bitcast<f32>(((bits & 0x8000u) << 16u) | select(subnormal, normal, size >= 0x400u));
}`,
  },
  to_f16: {
    code: `// The nearest half, the even one on a tie, infinity from 65520 on: WGSL leaves all of that open.
fn to_f16(x: f32) -> f16 {
  let bits = bitcast<u32>(x);
  let size = bits & 0x7fffffffu;
  // Below 2^-14 halves are multiples of 2^-24; what is shifted by 25 is below half of one.
  let small = size < 0x38800000u;
  let word = select(size - 0x38000000u, (size & 0x7fffffu) | 0x800000u, small);
  let shift = select(13u, min(126u - (size >> 23u), 25u), small);
  let rounded = (word + (1u << (shift - 1u)) - 1u + ((word >> shift) & 1u)) >> shift;
  let finite = select(rounded, 0x7c00u, size >= 0x47800000u);
  let half = select(finite, 0x7e00u, size > 0x7f800000u);
  return bitcast<vec2<f16>>(((bits >> 16u) & 0x8000u) | half).x;
}`,
  },
  mulhi: {
    code: `// The upper word of a product, by halves of 16 bits.
fn mulhi(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let left = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let right = (a & 0xffffu) * (b >> 16u) + (left & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (left >> 16u) + (right >> 16u);
}`,
  },
  fmod: {
    needs: ['is_nan', 'is_inf', 'nan', 'with_sign'],
    code: `// C's fmod, exact: a long division of the significands, eight bits at a time.
fn fmod(x: f32, y: f32) -> f32 {
  let a = bitcast<u32>(x) & 0x7fffffffu;
  let b = bitcast<u32>(y) & 0x7fffffffu;
  if (a >= 0x7f800000u || b > 0x7f800000u || b == 0u) { return nan(); }
  if (a < b) { return x; }
  let ea = max(a >> 23u, 1u);
  let eb = max(b >> 23u, 1u);
  var rest = (a & 0x7fffffu) | select(0u, 0x800000u, a >= 0x800000u);
  let divisor = (b & 0x7fffffu) | select(0u, 0x800000u, b >= 0x800000u);
  rest = rest % divisor;
  for (var left = ea - eb; left > 0u;) {
    let bits = min(left, 8u);
    rest = (rest << bits) % divisor;
    left -= bits;
  }
  if (rest == 0u) { return with_sign(x, 0.0); }
  // Normalize, unless the result is subnormal.
  let room = min(countLeadingZeros(rest) - 8u, eb - 1u);
  let word = rest << room;
  let exponent = select(0u, eb - room, word >= 0x800000u);
  return with_sign(x, bitcast<f32>((word & 0x7fffffu) | (exponent << 23u)));
}`,
  },
}
