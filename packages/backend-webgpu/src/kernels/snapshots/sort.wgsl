// Sorts runs of up to 1024 elements; equal elements stay in order.

struct Params {
  groups: i32,
  lines: i32,
  length: i32,
  run: i32,
  runs: i32,
  turn: i32,
  x_step: i32,
  x_first: i32,
  x_step0: i32,
}

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<vec2<u32>>;
@group(0) @binding(2) var<uniform> p: Params;

fn load_x(at: i32) -> u32 { return x[at]; }
fn load_out(at: i32) -> vec2<u32> { return out[at]; }
fn store_out(at: i32, value: vec2<u32>) { out[at] = value; }

var<workgroup> pairs: array<vec2<u32>, 1024>;

fn order(bits: u32) -> u32 {
  let zero = u32(0x80000000u);
  let magnitude = bits & ~zero;
  let key = select(zero + magnitude, zero - magnitude, bits >= zero);
  return select(key, ~u32(), magnitude > u32(0x7f800000u)); // NaN
}

fn before(a: vec2<u32>, b: vec2<u32>) -> bool {
  return a.x < b.x || (a.x == b.x && a.y < b.y);
}

fn x_line(line: u32) -> i32 {
  let i0 = i32(line);
  let x_at = p.x_first + i0 * p.x_step0;
  return x_at;
}

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group_id: vec3<u32>,
  @builtin(num_workgroups) group_count: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  // Workgroups beyond the limit of one axis go on along the next.
  let group = group_id.y * group_count.x + group_id.x;
  if (group >= u32(p.groups)) {
    return;
  }
  let run = u32(p.run);
  let first_run = group * (1024u / run);
  for (var slot = thread; slot < 1024u; slot += 256u) {
    let number = first_run + slot / run;
    let line = number / u32(p.runs);
    let i = i32(number % u32(p.runs) * run + slot % run);
    // What fills up a run comes after everything.
    var pair = vec2<u32>(0xffffffffu, 0xffffffffu);
    if (line < u32(p.lines) && i < p.length) {
      let key = order(load_x(x_line(line) + i * p.x_step));
      pair = vec2<u32>(key ^ u32(p.turn), u32(i));
    }
    pairs[slot] = pair;
  }
  workgroupBarrier();
  // Sorted stretches of 2, 4, 8 ... pairs; every second one is sorted downwards until it is merged.
  for (var size = 2u; size <= run; size *= 2u) {
    for (var step = size / 2u; step > 0u; step /= 2u) {
      for (var i = thread; i < 512u; i += 256u) {
        let low = 2u * i - i % step;
        let high = low + step;
        let upwards = (low & size) == 0u || size == run;
        let a = pairs[low];
        let b = pairs[high];
        if (before(b, a) == upwards) {
          pairs[low] = b;
          pairs[high] = a;
        }
      }
      workgroupBarrier();
    }
  }
  for (var slot = thread; slot < 1024u; slot += 256u) {
    let number = first_run + slot / run;
    let line = number / u32(p.runs);
    let i = i32(number % u32(p.runs) * run + slot % run);
    if (line < u32(p.lines) && i < p.length) {
      let pair = pairs[slot];
      store_out(i32(line) * p.length + i, pair);
    }
  }
}

// ----

// Merges neighbouring sorted runs of each line, two at a time.

struct Params {
  groups: i32,
  count: i32,
  length: i32,
  run: i32,
}

@group(0) @binding(0) var<storage, read> sorted: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec2<u32>>;
@group(0) @binding(2) var<uniform> p: Params;

fn load_sorted(at: i32) -> vec2<u32> { return sorted[at]; }
fn load_out(at: i32) -> vec2<u32> { return out[at]; }
fn store_out(at: i32, value: vec2<u32>) { out[at] = value; }

fn before(a: vec2<u32>, b: vec2<u32>) -> bool {
  return a.x < b.x || (a.x == b.x && a.y < b.y);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group_id: vec3<u32>,
  @builtin(num_workgroups) group_count: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  // Workgroups beyond the limit of one axis go on along the next.
  let group = group_id.y * group_count.x + group_id.x;
  if (group >= u32(p.groups)) {
    return;
  }
  let number = group * 64u + thread;
  if (number >= u32(p.count)) {
    return;
  }
  let line = number / u32(p.length);
  let line_first = i32(line) * p.length;
  let own = i32(number) - line_first;
  let pair = load_sorted(i32(number));
  // Where both runs begin, and where the other one does.
  let first = own / (2 * p.run) * (2 * p.run);
  let is_left = own < first + p.run;
  let other = select(first, first + p.run, is_left);
  var low = min(other, p.length);
  var high = min(other + p.run, p.length);
  let other_first = low;
  while (low < high) {
    let middle = (low + high) / 2;
    if (before(load_sorted(line_first + middle), pair)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  let own_first = select(first + p.run, first, is_left);
  let i = first + (own - own_first) + (low - other_first);
  store_out(i32(line) * p.length + i, pair);
}

// ----

// Merges neighbouring sorted runs of each line, two at a time.

struct Params {
  groups: i32,
  count: i32,
  length: i32,
  run: i32,
  out_step: i32,
  out_first: i32,
  out_step0: i32,
}

@group(0) @binding(0) var<storage, read> sorted: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read_write> out: array<i32>;
@group(0) @binding(2) var<uniform> p: Params;

fn load_sorted(at: i32) -> vec2<u32> { return sorted[at]; }
fn load_out(at: i32) -> i32 { return out[at]; }
fn store_out(at: i32, value: i32) { out[at] = value; }

fn before(a: vec2<u32>, b: vec2<u32>) -> bool {
  return a.x < b.x || (a.x == b.x && a.y < b.y);
}

fn out_line(line: u32) -> i32 {
  let i0 = i32(line);
  let out_at = p.out_first + i0 * p.out_step0;
  return out_at;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group_id: vec3<u32>,
  @builtin(num_workgroups) group_count: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  // Workgroups beyond the limit of one axis go on along the next.
  let group = group_id.y * group_count.x + group_id.x;
  if (group >= u32(p.groups)) {
    return;
  }
  let number = group * 64u + thread;
  if (number >= u32(p.count)) {
    return;
  }
  let line = number / u32(p.length);
  let line_first = i32(line) * p.length;
  let own = i32(number) - line_first;
  let pair = load_sorted(i32(number));
  // Where both runs begin, and where the other one does.
  let first = own / (2 * p.run) * (2 * p.run);
  let is_left = own < first + p.run;
  let other = select(first, first + p.run, is_left);
  var low = min(other, p.length);
  var high = min(other + p.run, p.length);
  let other_first = low;
  while (low < high) {
    let middle = (low + high) / 2;
    if (before(load_sorted(line_first + middle), pair)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  let own_first = select(first + p.run, first, is_left);
  let i = first + (own - own_first) + (low - other_first);
  store_out(out_line(line) + i * p.out_step, i32(pair.y));
}
