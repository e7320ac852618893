// A running max in blocks of 512, and the total of each block.

struct Params {
  groups: i32,
  length: i32,
  blocks: i32,
  x_step: i32,
  out_step: i32,
  x_first: i32,
  out_first: i32,
  x_step0: i32,
  out_step0: i32,
}

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;
@group(0) @binding(2) var<storage, read_write> totals: array<u32>;
@group(0) @binding(3) var<uniform> p: Params;

fn load_x(at: i32) -> u32 { return x[at]; }
fn load_out(at: i32) -> u32 { return out[at]; }
fn store_out(at: i32, value: u32) { out[at] = value; }
fn load_totals(at: i32) -> u32 { return totals[at]; }
fn store_totals(at: i32, value: u32) { totals[at] = value; }

alias T = u32;
fn order(bits: u32) -> u32 {
  let zero = u32(0x80000000u);
  let magnitude = bits & ~zero;
  let key = select(zero + magnitude, zero - magnitude, bits >= zero);
  return select(key, ~u32(), magnitude > u32(0x7f800000u)); // NaN
}
fn decode(bits: u32) -> T { let key = order(bits); return key; }
fn encode(key: T) -> u32 {
  if (key == 0xffffffffu) {
    return 0x7fc00000u; // NaN
  }
  return select(0u - key, key & 0x7fffffffu, key >= 0x80000000u);
}
fn join(a: T, b: T) -> T { return max(a, b); }

fn x_line(line: u32) -> i32 {
  let i0 = i32(line);
  let x_at = p.x_first + i0 * p.x_step0;
  return x_at;
}

fn out_line(line: u32) -> i32 {
  let i0 = i32(line);
  let out_at = p.out_first + i0 * p.out_step0;
  return out_at;
}

var<workgroup> sums: array<T, 64>;

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
  let line = group / u32(p.blocks);
  let first = i32(group % u32(p.blocks) * 512u + thread * 8u);
  let x_at = x_line(line);
  let out_at = out_line(line);
  // What lies beyond the end comes after everything, so it may be anything: the last element again.
  var own: array<T, 8>;
  for (var i = 0; i < 8; i++) {
    let value = decode(load_x(x_at + min(first + i, p.length - 1) * p.x_step));
    if (i == 0) {
      own[i] = value;
    } else {
      own[i] = join(own[i - 1], value);
    }
  }
  var total = own[7];
  sums[thread] = total;
  workgroupBarrier();
  // The total of what lies before the thread: of each cluster, and of the threads in its own.
  var before = sums[0];
  let start = thread / 1u * 1u;
  for (var i = 1u; i < start; i += 1u) {
    before = join(before, sums[i]);
  }

  for (var i = 0; i < 8; i++) {
    if (thread > 0u) {
      own[i] = join(before, own[i]);
    }
    if (first + i < p.length) {
      store_out(out_at + (first + i) * p.out_step, encode(own[i]));
    }
  }
  if (thread == 63u) {
    store_totals(i32(group), encode(own[7]));
  }
}

// ----

// A running max of each line.

struct Params {
  groups: i32,
  count: i32,
  lines: i32,
  length: i32,
  each: i32,
  x_step: i32,
  out_step: i32,
  x_first: i32,
  out_first: i32,
  x_step0: i32,
  out_step0: i32,
}

@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@group(0) @binding(1) var<uniform> p: Params;

fn load_x(at: i32) -> u32 { return x[at]; }
fn load_out(at: i32) -> u32 { return x[at]; }
fn store_out(at: i32, value: u32) { x[at] = value; }

alias T = u32;
fn order(bits: u32) -> u32 {
  let zero = u32(0x80000000u);
  let magnitude = bits & ~zero;
  let key = select(zero + magnitude, zero - magnitude, bits >= zero);
  return select(key, ~u32(), magnitude > u32(0x7f800000u)); // NaN
}
fn decode(bits: u32) -> T { let key = order(bits); return key; }
fn encode(key: T) -> u32 {
  if (key == 0xffffffffu) {
    return 0x7fc00000u; // NaN
  }
  return select(0u - key, key & 0x7fffffffu, key >= 0x80000000u);
}
fn join(a: T, b: T) -> T { return max(a, b); }

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
  let line = number % u32(p.lines);
  let piece = i32(number / u32(p.lines));
  var i = piece * p.each;
  let end = min(i + p.each, p.length);
  let i0 = i32(line);
  let x_at = p.x_first + i0 * p.x_step0;
  let out_at = p.out_first + i0 * p.out_step0;
  var sofar = decode(load_x(x_at + i * p.x_step));
  store_out(out_at + i * p.out_step, encode(sofar));
  i++;
  for (; i + 7 < end; i += 8) {
    let x0 = decode(load_x(x_at + (i + 0) * p.x_step));
    let x1 = decode(load_x(x_at + (i + 1) * p.x_step));
    let x2 = decode(load_x(x_at + (i + 2) * p.x_step));
    let x3 = decode(load_x(x_at + (i + 3) * p.x_step));
    let x4 = decode(load_x(x_at + (i + 4) * p.x_step));
    let x5 = decode(load_x(x_at + (i + 5) * p.x_step));
    let x6 = decode(load_x(x_at + (i + 6) * p.x_step));
    let x7 = decode(load_x(x_at + (i + 7) * p.x_step));
    var own = x0;
    store_out(out_at + (i + 0) * p.out_step, encode(join(sofar, own)));
    own = join(own, x1);
    store_out(out_at + (i + 1) * p.out_step, encode(join(sofar, own)));
    own = join(own, x2);
    store_out(out_at + (i + 2) * p.out_step, encode(join(sofar, own)));
    own = join(own, x3);
    store_out(out_at + (i + 3) * p.out_step, encode(join(sofar, own)));
    own = join(own, x4);
    store_out(out_at + (i + 4) * p.out_step, encode(join(sofar, own)));
    own = join(own, x5);
    store_out(out_at + (i + 5) * p.out_step, encode(join(sofar, own)));
    own = join(own, x6);
    store_out(out_at + (i + 6) * p.out_step, encode(join(sofar, own)));
    own = join(own, x7);
    store_out(out_at + (i + 7) * p.out_step, encode(join(sofar, own)));
    sofar = join(sofar, own);
  }
  for (; i < end; i++) {
    sofar = join(sofar, decode(load_x(x_at + i * p.x_step)));
    store_out(out_at + i * p.out_step, encode(sofar));
  }
}

// ----

// Joins each block with the running max of the blocks before it.

struct Params {
  groups: i32,
  count: i32,
  length: i32,
  blocks: i32,
  out_step: i32,
  out_first: i32,
  out_step0: i32,
}

@group(0) @binding(0) var<storage, read> totals: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;

fn load_totals(at: i32) -> u32 { return totals[at]; }
fn load_out(at: i32) -> u32 { return out[at]; }
fn store_out(at: i32, value: u32) { out[at] = value; }

alias T = u32;
fn order(bits: u32) -> u32 {
  let zero = u32(0x80000000u);
  let magnitude = bits & ~zero;
  let key = select(zero + magnitude, zero - magnitude, bits >= zero);
  return select(key, ~u32(), magnitude > u32(0x7f800000u)); // NaN
}
fn decode(bits: u32) -> T { let key = order(bits); return key; }
fn encode(key: T) -> u32 {
  if (key == 0xffffffffu) {
    return 0x7fc00000u; // NaN
  }
  return select(0u - key, key & 0x7fffffffu, key >= 0x80000000u);
}
fn join(a: T, b: T) -> T { return max(a, b); }

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
  let i = i32(number % u32(p.length));
  let block = i / 512;
  if (block > 0) {
    let at = out_line(line) + i * p.out_step;
    let sofar = decode(load_totals(i32(line) * p.blocks + block - 1));
    store_out(at, encode(join(sofar, decode(load_out(at)))));
  }
}
