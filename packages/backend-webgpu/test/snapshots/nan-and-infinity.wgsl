// clean: 1 x 1 x 1 workgroups, parameters 10 0 0 0
struct Params {
  count: u32, zero: u32, o0: i32, o1: i32,
}
@group(0) @binding(0) var<storage, read> b0: array<f32>;
@group(0) @binding(1) var<storage, read_write> b1: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn inf() -> f32 { return bitcast<f32>(0x7f800000u | params.zero); }
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn ordered(a: f32, b: f32) -> bool { return !(is_nan(a) || is_nan(b)); }
fn nan() -> f32 { return bitcast<f32>(0x7fc00000u | params.zero); }
fn max_f(a: f32, b: f32) -> f32 { return select(select(max(a, b), b, is_nan(b)), a, is_nan(a)); }
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = id.x + id.y * groups.x * 64u;
  if (i >= params.count) { return; }
  let p0 = u32(params.o0 + i32(i));
  let p1 = u32(params.o1 + i32(i));
  let v0 = b0[p0];
  let v1 = inf();
  let v2 = (v0 == v1) && ordered(v0, v1);
  let v3 = nan();
  let v4 = 0f;
  let v5 = max_f(v0, v4);
  let v6 = select(v5, v3, v2);
  b1[p1] = v6;
}
