// square: 244 x 1 x 1 workgroups, parameters 1 0 1000000 244 4099 1000000 0 1
struct Params {
  results: u32, zero: u32, length: u32, splits: u32, chunk: u32, f0: u32, o0: i32, t0_0: i32,
}
@group(0) @binding(0) var<storage, read> b0: array<f32>;
@group(0) @binding(1) var<storage, read_write> b1: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;
var<workgroup> parts: array<f32, 64>;

fn is_finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }
fn join(a: f32, b: f32) -> f32 { return a + b; }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) me: u32) {
  let number = group.x + group.y * groups.x;
  let row_number = me % 64u;
  let split = number % params.splits;
  let result = (number / params.splits) * 1u + me / 64u;
  var best = 0f;
  var block = 0.0;
  var row = 0.0;
  var taken = 0u;
  var lost = 0.0;
  if (result < params.results) {
    let start_0 = params.o0;
    let end = min(params.length, (split + 1u) * params.chunk);
    for (var r = split * params.chunk + row_number; r < end; r += 64u) {
      let y0 = i32(r);
      let p_0 = start_0 + y0 * params.t0_0;
      let v0 = b0[u32(p_0)];
      let v1 = v0 * v0;
      let value = v1;
      // Blocks of 32 and of 1024 are summed for themselves, and what rounding takes from a block is kept.
      let sum = block + value;
      let kept = sum - block;
      lost += (block - (sum - kept)) + (value - kept);
      block = sum;
      taken += 1u;
      if ((taken & 31u) == 0u) {
        row += block;
        block = 0.0;
        if ((taken & 1023u) == 0u) {
          best += row;
          row = 0.0;
        }
      }
    }
    best += row + block;
    best += select(0.0, lost, is_finite(best));
  }
  parts[me] = best;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half = half / 2u) {
    if (row_number < half) {
      let other = me + half;
      parts[me] = join(parts[me], parts[other]);
    }
    workgroupBarrier();
  }
  if (result < params.results && row_number == 0u) {
    b1[result * params.splits + split] = parts[me];
  }
}

// square: 1 x 1 x 1 workgroups, parameters 1 0 244 1 244 0
struct Params {
  results: u32, zero: u32, length: u32, splits: u32, chunk: u32, oy: i32,
}
@group(0) @binding(0) var<storage, read> b0: array<f32>;
@group(0) @binding(1) var<storage, read_write> b1: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;
var<workgroup> parts: array<f32, 64>;

fn is_finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }
fn join(a: f32, b: f32) -> f32 { return a + b; }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) me: u32) {
  let number = group.x + group.y * groups.x;
  let row_number = me % 64u;
  let split = number % params.splits;
  let result = (number / params.splits) * 1u + me / 64u;
  var best = 0f;
  var block = 0.0;
  var row = 0.0;
  var taken = 0u;
  var lost = 0.0;
  if (result < params.results) {
    let end = min(params.length, (split + 1u) * params.chunk);
    for (var r = split * params.chunk + row_number; r < end; r += 64u) {
      let cell = result * params.length + r;
      let value = b0[cell];
      // Blocks of 32 and of 1024 are summed for themselves, and what rounding takes from a block is kept.
      let sum = block + value;
      let kept = sum - block;
      lost += (block - (sum - kept)) + (value - kept);
      block = sum;
      taken += 1u;
      if ((taken & 31u) == 0u) {
        row += block;
        block = 0.0;
        if ((taken & 1023u) == 0u) {
          best += row;
          row = 0.0;
        }
      }
    }
    best += row + block;
    best += select(0.0, lost, is_finite(best));
  }
  parts[me] = best;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half = half / 2u) {
    if (row_number < half) {
      let other = me + half;
      parts[me] = join(parts[me], parts[other]);
    }
    workgroupBarrier();
  }
  if (result < params.results && row_number == 0u) {
    let w0 = parts[me];
    let w1 = 1000000f;
    let w2 = w0 / w1;
    b1[u32(params.oy)] = w2;
  }
}
