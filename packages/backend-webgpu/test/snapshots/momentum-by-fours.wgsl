struct Params {
  count: u32, zero: u32, o0: i32, o1: i32, o2: i32, o3: i32, o4: i32, a0: f32,
}
@group(0) @binding(0) var<storage, read_write> b0: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b1: array<f32>;
@group(0) @binding(2) var<storage, read_write> b2: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

struct Outputs { y0: f32, y1: f32 }

fn element(i: u32, in0: f32, in1: f32, in2: f32) -> Outputs {
  let v0 = in0;
  let v1 = in2;
  let v2 = 0.8999999761581421f;
  let v3 = v1 * v2;
  let v4 = in1;
  let v5 = v3 + v4;
  let v6 = params.a0;
  let v7 = v5 * v6;
  let v8 = v0 - v7;
  return Outputs(v8, v5);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = (id.x + id.y * groups.x * 64u) * 4u;
  if (i >= params.count) { return; }
  let p0 = u32(params.o0 + i32(i));
  let p1 = u32(params.o1);
  let p2 = u32(params.o2 + i32(i));
  let p3 = u32(params.o3 + i32(i));
  let p4 = u32(params.o4 + i32(i));
  let in0 = b0[p0 / 4u];
  let in1 = b1[p1];
  let in2 = b2[p2 / 4u];
  let e0 = element(i + 0u, in0.x, in1, in2.x);
  let e1 = element(i + 1u, in0.y, in1, in2.y);
  let e2 = element(i + 2u, in0.z, in1, in2.z);
  let e3 = element(i + 3u, in0.w, in1, in2.w);
  b0[p3 / 4u] = vec4<f32>(e0.y0, e1.y0, e2.y0, e3.y0);
  b2[p4 / 4u] = vec4<f32>(e0.y1, e1.y1, e2.y1, e3.y1);
}
