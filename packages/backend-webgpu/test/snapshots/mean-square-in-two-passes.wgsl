// square: 488 x 1 x 1 workgroups, parameters 1 0 1000000 488 2050 2050 64 8192 1000000 0 1
struct Params {
  results: u32, zero: u32, length: u32, splits: u32, skip: u32, span: u32, step: u32, block: u32,
  f0: u32, o0: i32, t0_0: i32,
}
@group(0) @binding(0) var<storage, read> b0: array<f32>;
@group(0) @binding(1) var<storage, read_write> b1: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn is_finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }
alias Part = f32;
fn join(a: Part, b: Part) -> Part { return a + b; }
var<workgroup> parts: array<Part, 64>;
fn element(r: u32, start_0: i32) -> Part {
  let y0 = i32(r);
  let p_0 = start_0 + y0 * params.t0_0;
  let v0 = b0[u32(p_0)];
  let v1 = v0 * v0;
  return v1;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) me: u32) {
  let number = group.x + group.y * groups.x;
  let member = me;
  let result = number / params.splits;
  let split = number - result * params.splits;
  var best = 0f;
  if (result < params.results && split < params.splits) {
    let start_0 = params.o0;
    let end = min(params.length, split * params.skip + params.span);
    let step = params.step;
    var r = split * params.skip + member;
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
  parts[me] = best;
  workgroupBarrier();
  if (member < 8u) {
    best = parts[member];
    for (var i = member + 8u; i < 64u; i += 8u) { best = join(best, parts[i]); }
    parts[member] = best;
  }
  workgroupBarrier();
  if (member == 0u) {
    best = parts[0u];
    for (var i = 1u; i < 8u; i++) { best = join(best, parts[i]); }
  }
  if (result < params.results && split < params.splits && member == 0u) {
    b1[number] = best;
  }
}

// square: 1 x 1 x 1 workgroups, parameters 1 0 488 1 488 488 32 4096 488 1 0
struct Params {
  results: u32, zero: u32, length: u32, splits: u32, skip: u32, span: u32, step: u32, block: u32,
  part_first: u32, part_step: u32, oy: i32,
}
@group(0) @binding(0) var<storage, read> b0: array<f32>;
@group(0) @binding(1) var<storage, read_write> b1: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn is_finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }
alias Part = f32;
fn join(a: Part, b: Part) -> Part { return a + b; }
var<workgroup> parts: array<Part, 64>;
fn element(r: u32, start_0: i32) -> Part {
  let cell = u32(start_0) + r * params.part_step;
  return b0[cell];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) me: u32) {
  let number = (group.x + group.y * groups.x) * 2u + me / 32u;
  let member = me % 32u;
  let result = number / params.splits;
  let split = number - result * params.splits;
  var best = 0f;
  if (result < params.results && split < params.splits) {
    let start_0 = i32(result * params.part_first);
    let end = min(params.length, split * params.skip + params.span);
    let step = params.step;
    var r = split * params.skip + member;
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
  parts[me] = best;
  workgroupBarrier();
  let first = me / 32u * 32u;
  if (member < 8u) {
    best = parts[first + member];
    for (var i = member + 8u; i < 32u; i += 8u) { best = join(best, parts[first + i]); }
    parts[first + member] = best;
  }
  workgroupBarrier();
  if (member == 0u) {
    best = parts[first + 0u];
    for (var i = 1u; i < 8u; i++) { best = join(best, parts[first + i]); }
  }
  if (result < params.results && split < params.splits && member == 0u) {
    let w0 = best;
    let w1 = 1000000f;
    let w2 = w0 / w1;
    b1[u32(params.oy)] = w2;
  }
}
