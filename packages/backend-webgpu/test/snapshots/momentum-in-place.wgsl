// momentum: 2 x 1 x 1 workgroups, parameters 100 0 0 0 0 0 0 1036831949
struct Params {
  count: u32, zero: u32, o0: i32, o1: i32, o2: i32, o3: i32, o4: i32, a0: f32,
}
@group(0) @binding(0) var<storage, read_write> b0: array<f32>;
@group(0) @binding(1) var<storage, read> b1: array<f32>;
@group(0) @binding(2) var<storage, read_write> b2: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = id.x + id.y * groups.x * 64u;
  if (i >= params.count) { return; }
  let p0 = u32(params.o0 + i32(i));
  let p1 = u32(params.o1 + i32(i));
  let p2 = u32(params.o2 + i32(i));
  let p3 = u32(params.o3 + i32(i));
  let p4 = u32(params.o4 + i32(i));
  let v0 = b0[p0];
  let v1 = b2[p2];
  let v2 = 0.8999999761581421f;
  let v3 = v1 * v2;
  let v4 = b1[p1];
  let v5 = v3 + v4;
  let v6 = params.a0;
  let v7 = v5 * v6;
  let v8 = v0 - v7;
  b0[p3] = v8;
  b2[p4] = v5;
}
