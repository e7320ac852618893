// shifted: 1 x 1 x 1 workgroups, parameters 32 0 6 1 1 6 1 128 4 8 6 0 48 1 8 0 8 1 0 0 8 1
struct Params {
  results: u32, zero: u32, length: u32, splits: u32, skip: u32, span: u32, step: u32, block: u32,
  e0: u32, e1: u32, f0: u32, o0: i32, s0_0: i32, s0_1: i32, t0_0: i32, o1: i32, s1_0: i32,
  s1_1: i32, t1_0: i32, oy: i32, sy_0: i32, sy_1: i32,
}
@group(0) @binding(0) var<storage, read> b0: array<f32>;
@group(0) @binding(1) var<storage, read> b1: array<f32>;
@group(0) @binding(2) var<storage, read_write> b2: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

// e^r - 1 for |r| <= ln(2) / 2.
fn expm1_reduced(r: f32) -> f32 {
  var p = 0.000197669942;
  p = p * r + 0.00139332283;
  p = p * r + 0.00833354145;
  p = p * r + 0.0416664854;
  p = p * r + 0.166666657;
  p = p * r + 0.5;
  return r * r * p + r;
}
// 2^k for -126 <= k <= 127.
fn power_of_two(k: i32) -> f32 { return bitcast<f32>(u32(k + 127) << 23u); }
// x 2^k for |k| <= 252, in two steps, so that the result may be subnormal or infinite.
fn scale(x: f32, k: i32) -> f32 {
  let half = k >> 1u;
  return (x * power_of_two(half)) * power_of_two(k - half);
}
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn exp_f(x: f32) -> f32 {
  let a = clamp(x, -104.0, 89.0);
  let n = round(a * 1.44269502);
  let r = (a - n * 0.693359375) + n * 0.00021219444;
  return select(scale(expm1_reduced(r) + 1.0, i32(n)), x, is_nan(x));
}
fn is_finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }
alias Part = f32;
fn join(a: Part, b: Part) -> Part { return a + b; }
fn element(r: u32, start_0: i32, start_1: i32) -> Part {
  let y0 = i32(r);
  let p_0 = start_0 + y0 * params.t0_0;
  let p_1 = start_1 + y0 * params.t1_0;
  let v0 = b0[u32(p_0)];
  let v1 = b1[u32(p_1)];
  let v2 = v0 - v1;
  let v3 = exp_f(v2);
  return v3;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) me: u32) {
  let number = (group.x + group.y * groups.x) * 64u + me;
  let split = number / params.results;
  let result = number - split * params.results;
  let x_rest1 = result / params.e1;
  let x1 = i32(result - x_rest1 * params.e1);
  let x0 = i32(x_rest1);
  var best = 0f;
  if (result < params.results && split < params.splits) {
    let start_0 = params.o0 + x0 * params.s0_0 + x1 * params.s0_1;
    let start_1 = params.o1 + x0 * params.s1_0 + x1 * params.s1_1;
    let end = min(params.length, split * params.skip + params.span);
    let step = params.step;
    var r = split * params.skip;
    var lost = 0.0;
    while (r < end) {
      // Blocks are summed for themselves, and what rounding takes when one is added is kept.
      var block = 0.0;
      let stop = r + min(end - r, params.block);
      for (; r + 7u * step < stop; r += 8u * step) {
        let a = join(element(r, start_0, start_1), element(r + 1u * step, start_0, start_1));
        let b = join(element(r + 2u * step, start_0, start_1), element(r + 3u * step, start_0, start_1));
        let c = join(element(r + 4u * step, start_0, start_1), element(r + 5u * step, start_0, start_1));
        let d = join(element(r + 6u * step, start_0, start_1), element(r + 7u * step, start_0, start_1));
        block = join(block, join(join(a, b), join(c, d)));
      }
      for (; r < stop; r += step) { block = join(block, element(r, start_0, start_1)); }
      let sum = best + block;
      let kept = sum - best;
      lost += (best - (sum - kept)) + (block - kept);
      best = sum;
    }
    best += select(0.0, lost, is_finite(best));
  }
  if (result < params.results && split < params.splits) {
    b2[u32(params.oy + x0 * params.sy_0 + x1 * params.sy_1)] = best;
  }
}
