// relu: 16 x 1 x 1 workgroups, parameters 1000 0 0 0
struct Params {
  count: u32, zero: u32, o0: i32, o1: i32,
}
@group(0) @binding(0) var<storage, read> b0: array<f32>;
@group(0) @binding(1) var<storage, read_write> b1: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn ordered(a: f32, b: f32) -> bool { return !(is_nan(a) || is_nan(b)); }
// x, in a way that a compiler cannot see through: x - x and x * 0 must stay NaN for NaN.
fn hidden(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) | params.zero); }
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = id.x + id.y * groups.x * 64u;
  if (i >= params.count) { return; }
  let p0 = u32(params.o0 + i32(i));
  let p1 = u32(params.o1 + i32(i));
  let v0 = 0f;
  let v1 = b0[p0];
  let v2 = (v0 < v1) && ordered(v0, v1);
  let v3 = hidden(v1) * hidden(v0);
  let v4 = select(v3, v1, v2);
  b1[p1] = v4;
}
