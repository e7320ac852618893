// same: 150 x 1 x 1 workgroups, parameters 300 0 200 1 200 300 200 0 200 1 0 1
struct Params {
  results: u32, zero: u32, length: u32, splits: u32, chunk: u32, e0: u32, f0: u32, o0: i32,
  s0_0: i32, t0_0: i32, oy: i32, sy_0: i32,
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
  let row_number = me % 32u;
  let split = number % params.splits;
  let result = (number / params.splits) * 2u + me / 32u;
  let x0 = i32(result);
  var best = 0f;
  var block = 0.0;
  var row = 0.0;
  var taken = 0u;
  var lost = 0.0;
  if (result < params.results) {
    let start_0 = params.o0 + x0 * params.s0_0;
    let end = min(params.length, (split + 1u) * params.chunk);
    for (var r = split * params.chunk + row_number; r < end; r += 32u) {
      let y0 = i32(r);
      let p_0 = start_0 + y0 * params.t0_0;
      let v0 = b0[u32(p_0)];
      let value = v0;
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
  for (var half = 16u; half > 0u; half = half / 2u) {
    if (row_number < half) {
      let other = me + half;
      parts[me] = join(parts[me], parts[other]);
    }
    workgroupBarrier();
  }
  if (result < params.results && row_number == 0u) {
    b1[u32(params.oy + x0 * params.sy_0)] = parts[me];
  }
}
