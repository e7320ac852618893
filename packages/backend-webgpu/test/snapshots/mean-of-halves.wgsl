// mean: 29 x 1 x 1 workgroups, parameters 200 0 300 9 1 300 9 1152 200 300 0 1 200
enable f16;
struct Params {
  results: u32, zero: u32, length: u32, splits: u32, skip: u32, span: u32, step: u32, block: u32,
  e0: u32, f0: u32, o0: i32, s0_0: i32, t0_0: i32,
}
@group(0) @binding(0) var<storage, read> b0: array<f16>;
@group(0) @binding(1) var<storage, read_write> b1: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

// A half as f32, by its bits: WGSL lets a conversion take subnormal halves for 0.
fn from_f16(x: f16) -> f32 {
  let bits = bitcast<u32>(vec2<f16>(x));
  let size = bits & 0x7fffu;
  let normal = (size << 13u) + select(0x38000000u, 0x70000000u, size >= 0x7c00u);
  let subnormal = bitcast<u32>(f32(size) * 5.9604644775390625e-8f);
  return bitcast<f32>(((bits & 0x8000u) << 16u) | select(subnormal, normal, size >= 0x400u));
}
fn is_finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }
alias Part = f32;
fn join(a: Part, b: Part) -> Part { return a + b; }
fn element(r: u32, start_0: i32) -> Part {
  let y0 = i32(r);
  let p_0 = start_0 + y0 * params.t0_0;
  let v0 = b0[u32(p_0)];
  let v1 = from_f16(v0);
  return v1;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) me: u32) {
  let number = (group.x + group.y * groups.x) * 64u + me;
  let split = number / params.results;
  let result = number - split * params.results;
  let x0 = i32(result);
  var best = 0f;
  if (result < params.results && split < params.splits) {
    let start_0 = params.o0 + x0 * params.s0_0;
    let end = min(params.length, split * params.skip + params.span);
    let step = params.step;
    var r = split * params.skip;
    var lost = 0.0;
    while (r < end) {
      // Blocks are summed for themselves, and what rounding takes when one is added is kept.
      var block = 0.0;
      let stop = r + min(end - r, params.block);
      for (; r + 7u * step < stop; r += 8u * step) {
        let a = join(element(r, start_0), element(r + 1u * step, start_0));
        let b = join(element(r + 2u * step, start_0), element(r + 3u * step, start_0));
        let c = join(element(r + 4u * step, start_0), element(r + 5u * step, start_0));
        let d = join(element(r + 6u * step, start_0), element(r + 7u * step, start_0));
        block = join(block, join(join(a, b), join(c, d)));
      }
      for (; r < stop; r += step) { block = join(block, element(r, start_0)); }
      let sum = best + block;
      let kept = sum - best;
      lost += (best - (sum - kept)) + (block - kept);
      best = sum;
    }
    best += select(0.0, lost, is_finite(best));
  }
  if (result < params.results && split < params.splits) {
    b1[number] = best;
  }
}

// mean: 4 x 1 x 1 workgroups, parameters 200 0 9 1 1 9 1 128 1 200 200 0 1
enable f16;
struct Params {
  results: u32, zero: u32, length: u32, splits: u32, skip: u32, span: u32, step: u32, block: u32,
  part_first: u32, part_step: u32, e0: u32, oy: i32, sy_0: i32,
}
@group(0) @binding(0) var<storage, read> b0: array<f32>;
@group(0) @binding(1) var<storage, read_write> b1: array<f16>;
@group(0) @binding(2) var<uniform> params: Params;

fn is_finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }
// The nearest half, the even one on a tie, infinity from 65520 on: WGSL leaves all of that open.
fn to_f16(x: f32) -> f16 {
  let bits = bitcast<u32>(x);
  let size = bits & 0x7fffffffu;
  // Below 2^-14 halves are multiples of 2^-24; what is shifted by 25 is below half of one.
  let small = size < 0x38800000u;
  let word = select(size - 0x38000000u, (size & 0x7fffffu) | 0x800000u, small);
  let shift = select(13u, min(126u - (size >> 23u), 25u), small);
  let rounded = (word + (1u << (shift - 1u)) - 1u + ((word >> shift) & 1u)) >> shift;
  let finite = select(rounded, 0x7c00u, size >= 0x47800000u);
  let half = select(finite, 0x7e00u, size > 0x7f800000u);
  return bitcast<vec2<f16>>(((bits >> 16u) & 0x8000u) | half).x;
}
alias Part = f32;
fn join(a: Part, b: Part) -> Part { return a + b; }
fn element(r: u32, start_0: i32) -> Part {
  let cell = u32(start_0) + r * params.part_step;
  return b0[cell];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) me: u32) {
  let number = (group.x + group.y * groups.x) * 64u + me;
  let split = number / params.results;
  let result = number - split * params.results;
  let x0 = i32(result);
  var best = 0f;
  if (result < params.results && split < params.splits) {
    let start_0 = i32(result * params.part_first);
    let end = min(params.length, split * params.skip + params.span);
    let step = params.step;
    var r = split * params.skip;
    var lost = 0.0;
    while (r < end) {
      // Blocks are summed for themselves, and what rounding takes when one is added is kept.
      var block = 0.0;
      let stop = r + min(end - r, params.block);
      for (; r + 7u * step < stop; r += 8u * step) {
        let a = join(element(r, start_0), element(r + 1u * step, start_0));
        let b = join(element(r + 2u * step, start_0), element(r + 3u * step, start_0));
        let c = join(element(r + 4u * step, start_0), element(r + 5u * step, start_0));
        let d = join(element(r + 6u * step, start_0), element(r + 7u * step, start_0));
        block = join(block, join(join(a, b), join(c, d)));
      }
      for (; r < stop; r += step) { block = join(block, element(r, start_0)); }
      let sum = best + block;
      let kept = sum - best;
      lost += (best - (sum - kept)) + (block - kept);
      best = sum;
    }
    best += select(0.0, lost, is_finite(best));
  }
  if (result < params.results && split < params.splits) {
    let w0 = best;
    let w1 = 300f;
    let w2 = w0 / w1;
    let w3 = to_f16(w2);
    b1[u32(params.oy + x0 * params.sy_0)] = w3;
  }
}
