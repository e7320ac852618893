// add: 8 x 1 x 1 workgroups, parameters 2048 0 32 64 0 0 0 1 0
struct Params {
  count: u32, zero: u32, e0: u32, e1: u32, o0: i32, o1: i32, s1_0: i32, s1_1: i32, o2: i32,
}
@group(0) @binding(0) var<storage, read> b0: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b1: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> b2: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

fn element(i: u32, in0: f32, in1: f32) -> f32 {
  let v0 = in0;
  let v1 = in1;
  let v2 = v0 + v1;
  return v2;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = (id.x + id.y * groups.x * 64u) * 4u;
  if (i >= params.count) { return; }
  let x_rest1 = i / params.e1;
  let x1 = i32(i - x_rest1 * params.e1);
  let x0 = i32(x_rest1);
  let p0 = u32(params.o0 + i32(i));
  let p1 = u32(params.o1 + x0 * params.s1_0 + x1 * params.s1_1);
  let p2 = u32(params.o2 + i32(i));
  let in0 = b0[p0 / 4u];
  let in1 = b1[p1 / 4u];
  let e0 = element(i + 0u, in0.x, in1.x);
  let e1 = element(i + 1u, in0.y, in1.y);
  let e2 = element(i + 2u, in0.z, in1.z);
  let e3 = element(i + 3u, in0.w, in1.w);
  b2[p2 / 4u] = vec4<f32>(e0, e1, e2, e3);
}
