// scale: 16 x 1 x 1 workgroups, parameters 4096 0 0 0 1073741824
enable f16;
struct Params {
  count: u32, zero: u32, o0: i32, o1: i32, a0: f32,
}
@group(0) @binding(0) var<storage, read> b0: array<vec4<f16>>;
@group(0) @binding(1) var<storage, read_write> b1: array<vec4<f16>>;
@group(0) @binding(2) var<uniform> params: Params;

// A half as f32, by its bits: WGSL lets a conversion take subnormal halves for 0.
fn from_f16(x: f16) -> f32 {
  let bits = bitcast<u32>(vec2<f16>(x));
  let size = bits & 0x7fffu;
  let normal = (size << 13u) + select(0x38000000u, 0x70000000u, size >= 0x7c00u);
  let subnormal = bitcast<u32>(f32(size) * 5.9604644775390625e-8f);
  return bitcast<f32>(((bits & 0x8000u) << 16u) | select(subnormal, normal, size >= 0x400u));
}
// The nearest half, the even one on a tie, infinity from 65520 on: WGSL leaves all of that open.
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
}
fn element(i: u32, in0: f16) -> f16 {
  let v0 = in0;
  let v1 = from_f16(v0);
  let v2 = params.a0;
  let v3 = v1 * v2;
  let v4 = to_f16(v3);
  return v4;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = (id.x + id.y * groups.x * 64u) * 4u;
  if (i >= params.count) { return; }
  let p0 = u32(params.o0 + i32(i));
  let p1 = u32(params.o1 + i32(i));
  let in0 = b0[p0 / 4u];
  let e0 = element(i + 0u, in0.x);
  let e1 = element(i + 1u, in0.y);
  let e2 = element(i + 2u, in0.z);
  let e3 = element(i + 3u, in0.w);
  b1[p1 / 4u] = vec4<f16>(e0, e1, e2, e3);
}

// scale: 2 x 1 x 1 workgroups, parameters 99 0 0 0 1073741824
enable f16;
struct Params {
  count: u32, zero: u32, o0: i32, o1: i32, a0: f32,
}
@group(0) @binding(0) var<storage, read> b0: array<f16>;
@group(0) @binding(1) var<storage, read_write> b1: array<f16>;
@group(0) @binding(2) var<uniform> params: Params;

// A half as f32, by its bits: WGSL lets a conversion take subnormal halves for 0.
fn from_f16(x: f16) -> f32 {
  let bits = bitcast<u32>(vec2<f16>(x));
  let size = bits & 0x7fffu;
  let normal = (size << 13u) + select(0x38000000u, 0x70000000u, size >= 0x7c00u);
  let subnormal = bitcast<u32>(f32(size) * 5.9604644775390625e-8f);
  return bitcast<f32>(((bits & 0x8000u) << 16u) | select(subnormal, normal, size >= 0x400u));
}
// The nearest half, the even one on a tie, infinity from 65520 on: WGSL leaves all of that open.
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
}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = id.x + id.y * groups.x * 64u;
  if (i >= params.count) { return; }
  let p0 = u32(params.o0 + i32(i));
  let p1 = u32(params.o1 + i32(i));
  let v0 = b0[p0];
  let v1 = from_f16(v0);
  let v2 = params.a0;
  let v3 = v1 * v2;
  let v4 = to_f16(v3);
  b1[p1] = v4;
}
