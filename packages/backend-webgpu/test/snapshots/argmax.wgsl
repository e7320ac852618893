// same: 2 x 1 x 1 workgroups, parameters 128 0 10 1 10 10 1 128 128 10 0 10 1 0 1
struct Params {
  results: u32, zero: u32, length: u32, splits: u32, skip: u32, span: u32, step: u32, block: u32,
  e0: u32, f0: u32, o0: i32, s0_0: i32, t0_0: i32, oy: i32, sy_0: i32,
}
@group(0) @binding(0) var<storage, read> b0: array<f32>;
@group(0) @binding(1) var<storage, read_write> b1: array<i32>;
@group(0) @binding(2) var<uniform> params: Params;

fn order(bits: u32) -> u32 {
  let zero = u32(0x80000000u);
  let magnitude = bits & ~zero;
  let key = select(zero + magnitude, zero - magnitude, bits >= zero);
  return select(key, ~u32(), magnitude > u32(0x7f800000u)); // NaN
}
// The largest key wins, of equals the lowest index; NaN has the largest key.
struct Part { key: u32, at: u32 }
fn found(value: f32, r: u32) -> Part {
  let key = order(bitcast<u32>(value));
  return Part(key, r);
}
fn join(a: Part, b: Part) -> Part {
  let wins = b.key > a.key || (b.key == a.key && b.at < a.at);
  return Part(select(a.key, b.key, wins), select(a.at, b.at, wins));
}
fn element(r: u32, start_0: i32) -> Part {
  let y0 = i32(r);
  let p_0 = start_0 + y0 * params.t0_0;
  let v0 = b0[u32(p_0)];
  return found(v0, r);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) me: u32) {
  let number = (group.x + group.y * groups.x) * 64u + me;
  let result = number / params.splits;
  let split = number - result * params.splits;
  let x0 = i32(result);
  var best = Part(0u, 0xffffffffu);
  if (result < params.results && split < params.splits) {
    let start_0 = params.o0 + x0 * params.s0_0;
    let end = min(params.length, split * params.skip + params.span);
    let step = params.step;
    var r = split * params.skip;
    for (; r + 7u * step < end; r += 8u * step) {
      let a = join(element(r, start_0), element(r + 1u * step, start_0));
      let b = join(element(r + 2u * step, start_0), element(r + 3u * step, start_0));
      let c = join(element(r + 4u * step, start_0), element(r + 5u * step, start_0));
      let d = join(element(r + 6u * step, start_0), element(r + 7u * step, start_0));
      best = join(best, join(join(a, b), join(c, d)));
    }
    for (; r < end; r += step) { best = join(best, element(r, start_0)); }
  }
  if (result < params.results && split < params.splits) {
    b1[u32(params.oy + x0 * params.sy_0)] = i32(best.at);
  }
}
