/**
 * Exponentials, logarithms, powers and trigonometry in WGSL; see `functions.ts`. Polynomials are minimax
 * fits, each for the interval and the weight that its function needs.
 */
import type { WgslFunction } from './functions.ts'

export type ElementaryName =
  | 'power_of_two'
  | 'scale'
  | 'expm1_reduced'
  | 'exp_f'
  | 'expm1_f'
  | 'log_parts'
  | 'log_edges'
  | 'log_f'
  | 'log1p_f'
  | 'trig_large'
  | 'trig'
  | 'exp_normal'
  | 'tanh_f'
  | 'erf_f'
  | 'atan2_f'
  | 'pow_finite'
  | 'pow_f'

export const elementaryFunctions: Readonly<Record<ElementaryName, WgslFunction>> = {
  power_of_two: {
    code: `// 2^k for -126 <= k <= 127.
fn power_of_two(k: i32) -> f32 { return bitcast<f32>(u32(k + 127) << 23u); }`,
  },
  scale: {
    needs: ['power_of_two'],
    code: `// x 2^k for |k| <= 252, in two steps, so that the result may be subnormal or infinite.
fn scale(x: f32, k: i32) -> f32 {
  let half = k >> 1u;
  return (x * power_of_two(half)) * power_of_two(k - half);
}`,
  },
  expm1_reduced: {
    code: `// e^r - 1 for |r| <= ln(2) / 2.
fn expm1_reduced(r: f32) -> f32 {
  var p = 0.000197669942;
  p = p * r + 0.00139332283;
  p = p * r + 0.00833354145;
  p = p * r + 0.0416664854;
  p = p * r + 0.166666657;
  p = p * r + 0.5;
  return r * r * p + r;
}`,
  },
  exp_f: {
    needs: ['expm1_reduced', 'scale', 'is_nan'],
    code: `fn exp_f(x: f32) -> f32 {
  let a = clamp(x, -104.0, 89.0);
  let n = round(a * 1.44269502);
  let r = (a - n * 0.693359375) + n * 0.00021219444;
  return select(scale(expm1_reduced(r) + 1.0, i32(n)), x, is_nan(x));
}`,
  },
  expm1_f: {
    needs: ['expm1_reduced', 'power_of_two', 'with_sign', 'is_nan'],
    code: `fn expm1_f(x: f32) -> f32 {
  let a = clamp(x, -18.0, 89.0);
  let n = round(a * 1.44269502);
  let small = expm1_reduced((a - n * 0.693359375) + n * 0.00021219444);
  // 2^n (e^r - 1) + (2^n - 1), at half its size: 2^128 is no f32.
  let half = power_of_two(i32(n) - 1);
  let large = 2.0 * (half * small + (half - 0.5));
  return select(with_sign(x, select(large, small, n == 0.0)), x, is_nan(x));
}`,
  },
  log_parts: {
    code: `// log(1 + f) + k ln 2 for 1 + f between sqrt(1/2) and sqrt(2).
fn log_parts(f: f32, k: f32) -> f32 {
  var p = 0.0674926788;
  p = p * f - 0.116700977;
  p = p * f + 0.118835486;
  p = p * f - 0.124062337;
  p = p * f + 0.142203584;
  p = p * f - 0.166679889;
  p = p * f + 0.200020716;
  p = p * f - 0.250000089;
  p = p * f + 0.333333135;
  let square = f * f;
  let small = square * f * p - k * 0.00021219444;
  return (small - 0.5 * square) + f + k * 0.693359375;
}`,
  },
  log_edges: {
    needs: ['inf', 'nan', 'is_nan'],
    code: `// -inf at 0, NaN below, infinity and NaN as they came.
fn log_edges(u: f32, inside: f32) -> f32 {
  let bits = bitcast<u32>(u);
  // Where a GPU takes subnormal numbers for 0, it should do so everywhere.
  if (u == 0.0) { return -inf(); }
  if (is_nan(u)) { return u; }
  if (bits >= 0x80000000u) { return nan(); }
  return select(inside, u, bits == 0x7f800000u);
}`,
  },
  log_f: {
    needs: ['log_parts', 'log_edges'],
    code: `fn log_f(x: f32) -> f32 {
  // Subnormal numbers are read as integers: a GPU may take them for 0.
  let bits = bitcast<u32>(x);
  let subnormal = bits < 0x800000u;
  let normal = select(bits, bitcast<u32>(f32(bits)), subnormal);
  let offset = select(0, -149, subnormal);
  let word = bitcast<i32>(normal) - 0x3f3504f3;
  let m = bitcast<f32>((word & 0x7fffff) + 0x3f3504f3);
  return log_edges(x, log_parts(m - 1.0, f32((word >> 23u) + offset)));
}`,
  },
  log1p_f: {
    needs: ['log_parts', 'log_edges', 'with_sign'],
    code: `fn log1p_f(x: f32) -> f32 {
  // Near 0 the argument itself is the distance from 1.
  if (x > -0.29 && x < 0.41) { return with_sign(x, log_parts(x, 0.0)); }
  let u = 1.0 + x;
  let word = bitcast<i32>(u) - 0x3f3504f3;
  let m = bitcast<f32>((word & 0x7fffff) + 0x3f3504f3);
  return log_edges(u, log_parts(m - 1.0, f32(word >> 23u)));
}`,
  },
  trig_large: {
    needs: ['mulhi'],
    code: `// x modulo pi/2 by the product with the bits of 2/pi that matter (Payne and Hanek).
fn trig_large(a: f32) -> vec2<f32> {
  var table = array<u32, 8>(0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u,
    0x3c439041u, 0xfe5163abu);
  let bits = bitcast<u32>(a);
  let significand = (bits & 0x7fffffu) | 0x800000u;
  let start = (bits >> 23u) - 120u;
  let skip = start >> 5u;
  let shift = start & 31u;
  let w0 = (table[skip] << shift) | ((table[skip + 1u] >> 1u) >> (31u - shift));
  let w1 = (table[skip + 1u] << shift) | ((table[skip + 2u] >> 1u) >> (31u - shift));
  let w2 = (table[skip + 2u] << shift) | ((table[skip + 3u] >> 1u) >> (31u - shift));
  let low = w1 * significand;
  let middle = low + mulhi(w2, significand);
  let high = w0 * significand + mulhi(w1, significand) + select(0u, 1u, middle < low);
  let whole = f32(bitcast<i32>((high << 2u) | (middle >> 30u))) * 2.32830644e-10;
  let below = f32((middle << 2u) >> 8u) * 1.38777878e-17;
  return vec2<f32>((whole + below) * 1.57079637, f32((high + 0x20000000u) >> 30u));
}`,
  },
  trig: {
    needs: ['trig_large', 'is_nan', 'is_inf', 'nan'],
    code: `// sin(x) for turn 0, cos(x) for turn 1.
fn trig(x: f32, turn: u32) -> f32 {
  let bits = bitcast<u32>(x);
  if (is_nan(x) || is_inf(x)) { return nan(); }
  let a = abs(x);
  let n = round(a * 0.636619747);
  // pi/2 in parts of 8, 11 and 24 bits: the first products are exact.
  var r = ((a - n * 1.5703125) - n * 0.000483751297) - n * 7.54978942e-8;
  var quadrant = u32(n);
  if (a > 1024.0) {
    let rest = trig_large(a);
    r = rest.x;
    quadrant = u32(rest.y);
  }
  // sin is odd; the sign bit of x turns it by two quadrants.
  quadrant += select((bits >> 31u) << 1u, 1u, turn == 1u);
  let z = r * r;
  var s = 2.83724717e-6;
  s = s * z - 0.000198534981;
  s = s * z + 0.00833338033;
  s = s * z - 0.166666672;
  var c = 2.44323273e-5;
  c = c * z - 0.00138873095;
  c = c * z + 0.0416666456;
  let sine = z * r * s + r;
  let cosine = (z * z * c - 0.5 * z) + 1.0;
  let value = select(sine, cosine, (quadrant & 1u) == 1u);
  return bitcast<f32>(bitcast<u32>(value) ^ ((quadrant & 2u) << 30u));
}`,
  },
  exp_normal: {
    needs: ['expm1_reduced', 'power_of_two'],
    code: `// e^x for |x| < 87.
fn exp_normal(x: f32) -> f32 {
  let n = round(x * 1.44269502);
  let r = (x - n * 0.693359375) + n * 0.00021219444;
  return (expm1_reduced(r) + 1.0) * power_of_two(i32(n));
}`,
  },
  tanh_f: {
    needs: ['exp_normal', 'with_sign', 'is_nan'],
    code: `fn tanh_f(x: f32) -> f32 {
  let a = abs(x);
  let z = a * a;
  var p = -0.0056922962;
  p = p * z + 0.0206281673;
  p = p * z - 0.0537365153;
  p = p * z + 0.133314058;
  p = p * z - 0.333332807;
  let near = a * z * p + a;
  let far = 1.0 - 2.0 / (exp_normal(2.0 * min(a, 10.0)) + 1.0);
  return select(with_sign(x, select(far, near, a < 0.625)), x, is_nan(x));
}`,
  },
  erf_f: {
    needs: ['exp_normal', 'with_sign', 'is_nan'],
    code: `fn erf_f(x: f32) -> f32 {
  let a = abs(x);
  let z = a * a;
  var p = 7.99664995e-5;
  p = p * z - 0.000804976968;
  p = p * z + 0.00519240508;
  p = p * z - 0.0268557314;
  p = p * z + 0.112836257;
  p = p * z - 0.376126289;
  p = p * z + 0.128379166;
  let t = min(a, 4.0);
  var g = 1.1230034e-5;
  g = g * t - 0.000322794047;
  g = g * t + 0.0036424296;
  g = g * t - 0.0237620194;
  g = g * t + 0.106236845;
  g = g * t + 0.635151327;
  g = g * t + 0.12864849;
  let far = 1.0 - exp_normal(-(t * g + t));
  return select(with_sign(x, select(far, a * p + a, a < 0.925)), x, is_nan(x));
}`,
  },
  atan2_f: {
    needs: ['with_sign', 'ordered', 'nan', 'is_inf'],
    code: `fn atan2_f(y: f32, x: f32) -> f32 {
  if (!ordered(x, y)) { return nan(); }
  let ax = abs(x);
  let ay = abs(y);
  let steep = ax < ay;
  let small = select(ay, ax, steep);
  let large = select(ax, ay, steep);
  // Half of both keeps the quotient of the largest numbers in reach.
  let infinite = is_inf(large);
  var ratio = select((0.5 * small) / (0.5 * large), 0.0, small == 0.0 || infinite);
  if (bitcast<u32>(small) == bitcast<u32>(large)) { ratio = select(1.0, 0.0, large == 0.0); }
  let z = ratio * ratio;
  var p = -0.00178281229;
  p = p * z + 0.0108686602;
  p = p * z - 0.0310969613;
  p = p * z + 0.0578813814;
  p = p * z - 0.0839930624;
  p = p * z + 0.109508805;
  p = p * z - 0.142640159;
  p = p * z + 0.199985296;
  p = p * z - 0.333332986;
  let first = ratio * z * p + ratio;
  let upper = select(first, 1.57079637 - first, steep);
  let full = select(upper, 3.14159274 - upper, (bitcast<u32>(x) >> 31u) == 1u);
  return with_sign(y, full);
}`,
  },
  pow_finite: {
    needs: ['expm1_reduced', 'scale', 'high_half'],
    code: `// a^y of a positive finite a: the logarithm and its product with y in two parts each, because an
// error of the exponent is one of the result, times the exponent.
fn pow_finite(a: f32, y: f32) -> f32 {
  let bits = bitcast<u32>(a);
  let subnormal = bits < 0x800000u;
  let normal = select(bits, bitcast<u32>(f32(bits)), subnormal);
  let word = bitcast<i32>(normal) - 0x3f3504f3;
  let f = bitcast<f32>((word & 0x7fffff) + 0x3f3504f3) - 1.0;
  let k = f32((word >> 23u) + select(0, -149, subnormal));
  var p = 0.0674926788;
  p = p * f - 0.116700977;
  p = p * f + 0.118835486;
  p = p * f - 0.124062337;
  p = p * f + 0.142203584;
  p = p * f - 0.166679889;
  p = p * f + 0.200020716;
  p = p * f - 0.250000089;
  p = p * f + 0.333333135;
  let cubic = f * f * f * p;
  let fh = high_half(f);
  let square_high = 0.5 * fh * fh;
  let square_low = 0.5 * (f - fh) * (f + fh);
  let log_high = high_half((f - square_high) + cubic + k * 0.693147182);
  let log_low = (((k * 0.693359375 - log_high) + f) - square_high) + ((cubic - square_low) - k * 0.00021219444);
  // Beyond these bounds the result is 0, 1 or infinity, whatever y is.
  let bounded = clamp(y, -4e9, 4e9);
  let yh = high_half(bounded);
  let t_high = yh * log_high;
  let t_low = (bounded - yh) * log_high + bounded * log_low;
  let n = round(clamp((t_high + t_low) * 1.44269502, -170.0, 170.0));
  let r = ((t_high - n * 0.693359375) + n * 0.00021219444) + t_low;
  // Out of bounds r is no rest, and the exponent alone decides.
  return scale(expm1_reduced(clamp(r, -1.0, 1.0)) + 1.0, i32(n));
}`,
  },
  pow_f: {
    needs: ['pow_finite', 'is_nan', 'is_inf', 'inf', 'nan', 'with_sign'],
    code: `// C's pow.
fn pow_f(x: f32, y: f32) -> f32 {
  let a = bitcast<f32>(bitcast<u32>(x) & 0x7fffffffu);
  let zero_y = (bitcast<u32>(y) & 0x7fffffffu) == 0u;
  let one_x = bitcast<u32>(x) == 0x3f800000u;
  if (zero_y || one_x) { return 1.0; }
  if (is_nan(x) || is_nan(y)) { return nan(); }
  let negative_y = (bitcast<u32>(y) >> 31u) == 1u;
  let zero_x = bitcast<u32>(a) == 0u;
  if (is_inf(y)) {
    if (bitcast<u32>(a) == 0x3f800000u) { return 1.0; }
    return select(0.0, inf(), (bitcast<u32>(a) > 0x3f800000u) != negative_y);
  }
  let magnitude_y = abs(y);
  // From 2^24 on every float is even.
  let whole = magnitude_y >= 16777216.0 || floor(y) == y;
  let odd = whole && magnitude_y < 16777216.0 && (u32(min(magnitude_y, 16777216.0)) & 1u) == 1u;
  var result = 0.0;
  if (zero_x || is_inf(x)) { result = select(0.0, inf(), zero_x == negative_y); }
  else {
    if ((bitcast<u32>(x) >> 31u) == 1u && !whole) { return nan(); }
    result = pow_finite(a, y);
  }
  return select(result, with_sign(x, result), odd);
}`,
  },
}
