struct Params {
  count: u32, zero: u32, o0: i32, o1: i32, o2: i32, o3: i32, o4: i32, a0: f32,
}
@group(0) @binding(0) var<storage, read_write> b0: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b1: array<f32>;
@group(0) @binding(2) var<storage, read_write> b2: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

struct Outputs { y0: f32, y1: f32 }

fn element(i: u32, x0: f32, x1: f32, x2: f32) -> Outputs {
  let v0 = x0;
  let v1 = x2;
  let v2 = 0.8999999761581421f;
  let v3 = v1 * v2;
  let v4 = x1;
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
  let x0 = b0[(u32(params.o0) + i) / 4u];
  let x1 = b1[params.o1];
  let x2 = b2[(u32(params.o2) + i) / 4u];
  let e0 = element(i + 0u, x0.x, x1, x2.x);
  let e1 = element(i + 1u, x0.y, x1, x2.y);
  let e2 = element(i + 2u, x0.z, x1, x2.z);
  let e3 = element(i + 3u, x0.w, x1, x2.w);
  b0[(u32(params.o3) + i) / 4u] = vec4<f32>(e0.y0, e1.y0, e2.y0, e3.y0);
  b2[(u32(params.o4) + i) / 4u] = vec4<f32>(e0.y1, e1.y1, e2.y1, e3.y1);
}
