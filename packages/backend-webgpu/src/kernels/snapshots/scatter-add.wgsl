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

fn order(bits: u32) -> u32 { return bits ^ u32(0x80000000u); }

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

// Adds what has equal indices, in order: a thread where a run of equal indices begins.

struct Params {
  groups: i32,
  count: i32,
  length: i32,
  sorted_lines: i32,
  shared_lines: i32,
  src_step: i32,
  out_step: i32,
  src_first: i32,
  out_first: i32,
  src_step0: i32,
  out_step0: i32,
  shared_src_first: i32,
  shared_out_first: i32,
}

@group(0) @binding(0) var<storage, read> pairs: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> src: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

fn load_pairs(at: i32) -> vec2<u32> { return pairs[at]; }
fn load_src(at: i32) -> f32 { return src[at]; }
fn load_out(at: i32) -> f32 { return out[at]; }
fn store_out(at: i32, value: f32) { out[at] = value; }

// Where a line with an index of its own begins in src and out.
fn sorted_line(number: u32) -> vec2<i32> {
  let i0 = i32(number);
  let src_at = p.src_first + i0 * p.src_step0;
  let out_at = p.out_first + i0 * p.out_step0;
  return vec2<i32>(src_at, out_at);
}
// Where one of the lines that share an index lies from there.
fn shared_line(number: u32) -> vec2<i32> {
  let src_at = p.shared_src_first;
  let out_at = p.shared_out_first;
  return vec2<i32>(src_at, out_at);
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
  // Lines that share an index run fastest.
  let shared_number = number % u32(p.shared_lines);
  let sorted = number / u32(p.shared_lines);
  let line = sorted / u32(p.length);
  var i = i32(sorted % u32(p.length));
  let line_pairs = i32(line) * p.length;
  let key = load_pairs(line_pairs + i).x;
  if (i > 0 && load_pairs(line_pairs + i - 1).x == key) {
    return;
  }
  let begin = sorted_line(line) + shared_line(shared_number);
  let to = begin.y + bitcast<i32>(key ^ 0x80000000u) * p.out_step;
  var sum = load_out(to);
  loop {
    let pair = load_pairs(line_pairs + i);
    if (pair.x != key) { break; }
    sum += load_src(begin.x + i32(pair.y) * p.src_step);
    i++;
    if (i >= p.length) { break; }
  }
  store_out(to, sum);
}
