// gelu: 1 x 1 x 1 workgroups, parameters 35 0 5 7 0 1 5 0
struct Params {
  count: u32, zero: u32, e0: u32, e1: u32, o0: i32, s0_0: i32, s0_1: i32, o1: i32,
}
@group(0) @binding(0) var<storage, read> b0: array<f32>;
@group(0) @binding(1) var<storage, read_write> b1: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

// e^r - 1 for |r| <= ln(2) / 2.
fn expm1_reduced(r: f32) -> f32 {
  var p = 0.000197669942;
  p = p * r + 0.00139332283;
  p = p * r + 0.00833354145;
  p = p * r + 0.0416664854;
  p = p * r + 0.166666657;
  p = p * r + 0.5;
  return r * r * p + r;
}
// 2^k for -126 <= k <= 127.
fn power_of_two(k: i32) -> f32 { return bitcast<f32>(u32(k + 127) << 23u); }
// e^x for |x| < 87.
fn exp_normal(x: f32) -> f32 {
  let n = round(x * 1.44269502);
  let r = (x - n * 0.693359375) + n * 0.00021219444;
  return (expm1_reduced(r) + 1.0) * power_of_two(i32(n));
}
// The magnitude of m with the sign of x.
fn with_sign(x: f32, m: f32) -> f32 {
  return bitcast<f32>((bitcast<u32>(m) & 0x7fffffffu) | (bitcast<u32>(x) & 0x80000000u));
}
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn erf_f(x: f32) -> f32 {
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
}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = id.x + id.y * groups.x * 64u;
  if (i >= params.count) { return; }
  let x_rest1 = i / params.e1;
  let x1 = i32(i - x_rest1 * params.e1);
  let x0 = i32(x_rest1);
  let p0 = u32(params.o0 + x0 * params.s0_0 + x1 * params.s0_1);
  let p1 = u32(params.o1 + i32(i));
  let v0 = b0[p0];
  let v1 = 0.7071067690849304f;
  let v2 = v0 * v1;
  let v3 = erf_f(v2);
  let v4 = 1f;
  let v5 = v3 + v4;
  let v6 = v0 * v5;
  let v7 = 0.5f;
  let v8 = v6 * v7;
  b1[p1] = v8;
}
