// same: 4 x 1 x 1 workgroups, parameters 128 0 10 1 10 128 10 0 10 1 0 1
struct Params {
  results: u32, zero: u32, length: u32, splits: u32, chunk: u32, e0: u32, f0: u32, o0: i32,
  s0_0: i32, t0_0: i32, oy: i32, sy_0: i32,
}
@group(0) @binding(0) var<storage, read> b0: array<f32>;
@group(0) @binding(1) var<storage, read_write> b1: array<i32>;
@group(0) @binding(2) var<uniform> params: Params;
var<workgroup> parts: array<f32, 64>;
var<workgroup> places: array<u32, 64>;
const none = 0xffffffffu;

fn inf() -> f32 { return bitcast<f32>(0x7f800000u | params.zero); }
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
// Whether a value displaces the best one so far: NaN comes first, of equals the lowest index.
fn beats(value: f32, index: u32, best: f32, at: u32) -> bool {
  if (at == none) { return index != none; }
  if (index == none) { return false; }
  if (is_nan(value) || is_nan(best)) { return is_nan(value) && (!is_nan(best) || index < at); }
  return value > best || (value == best && index < at);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) me: u32) {
  let number = group.x + group.y * groups.x;
  let row_number = me % 2u;
  let split = number % params.splits;
  let result = (number / params.splits) * 32u + me / 2u;
  let x0 = i32(result);
  var best = -inf();
  var at = none;
  if (result < params.results) {
    let start_0 = params.o0 + x0 * params.s0_0;
    let end = min(params.length, (split + 1u) * params.chunk);
    for (var r = split * params.chunk + row_number; r < end; r += 2u) {
      let y0 = i32(r);
      let p_0 = start_0 + y0 * params.t0_0;
      let v0 = b0[u32(p_0)];
      let value = v0;
      let found = r;
      if (beats(value, found, best, at)) {
        best = value;
        at = found;
      }
    }
  }
  parts[me] = best;
  places[me] = at;
  workgroupBarrier();
  for (var half = 1u; half > 0u; half = half / 2u) {
    if (row_number < half) {
      let other = me + half;
      if (beats(parts[other], places[other], parts[me], places[me])) {
        parts[me] = parts[other];
        places[me] = places[other];
      }
    }
    workgroupBarrier();
  }
  if (result < params.results && row_number == 0u) {
    b1[u32(params.oy + x0 * params.sy_0)] = i32(places[me]);
  }
}
