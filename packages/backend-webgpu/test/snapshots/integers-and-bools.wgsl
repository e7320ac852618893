// mixed: 1 x 1 x 1 workgroups, parameters 9 0 0 0 0 0 0 7
struct Params {
  count: u32, zero: u32, o0: i32, o1: i32, o2: i32, o3: i32, o4: i32, a0: u32,
}
@group(0) @binding(0) var<storage, read> b0: array<i32>;
@group(0) @binding(1) var<storage, read> b1: array<u32>;
@group(0) @binding(2) var<storage, read_write> b2: array<i32>;
@group(0) @binding(3) var<storage, read_write> b3: array<u32>;
@group(0) @binding(4) var<storage, read_write> b4: array<u32>;
@group(0) @binding(5) var<uniform> params: Params;

// The upper word of a product, by halves of 16 bits.
fn mulhi(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let left = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let right = (a & 0xffffu) * (b >> 16u) + (left & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (left >> 16u) + (right >> 16u);
}
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
  let v1 = 3i;
  let v2 = v0 / v1;
  let v3 = 2i;
  let v4 = v2 << (u32(v3) & 31u);
  let v5 = (b1[p1] != 0u);
  let v6 = 5i;
  let v7 = v0 < v6;
  let v8 = v5 && v7;
  let v9 = params.a0;
  let v10 = bitcast<u32>(v0);
  let v11 = mulhi(v9, v10);
  b2[p2] = v4;
  b3[p3] = select(0u, 1u, v8);
  b4[p4] = v11;
}
