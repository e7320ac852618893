// oneHot: 2 x 1 x 1 workgroups, parameters 80 0 8 10 0 1 0 0 0 1
struct Params {
  count: u32, zero: u32, e0: u32, e1: u32, o0: i32, s0_0: i32, s0_1: i32, o1: i32, s2_0: i32,
  s2_1: i32,
}
@group(0) @binding(0) var<storage, read> b0: array<i32>;
@group(0) @binding(1) var<storage, read_write> b1: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

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
  let v1 = x0 * params.s2_0 + x1 * params.s2_1;
  let v2 = v0 == v1;
  let v3 = select(0.0, 1.0, v2);
  b1[p1] = v3;
}
