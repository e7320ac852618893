// c[row, column] = sum over depth of a[row, depth] b[depth, column], for each matrix of a batch.

struct Params {
  groups: i32,
  count: i32,
  rows: i32,
  columns: i32,
  depth: i32,
  a_down: i32,
  a_across: i32,
  b_down: i32,
  b_across: i32,
  c_down: i32,
  c_across: i32,
  a_first: i32,
  b_first: i32,
  c_first: i32,
  a_step0: i32,
  b_step0: i32,
  c_step0: i32,
}

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

fn load_a(at: i32) -> f32 { return a[at]; }
fn load_b(at: i32) -> f32 { return b[at]; }
fn load_c(at: i32) -> f32 { return c[at]; }
fn store_c(at: i32, value: f32) { c[at] = value; }

fn start(batch: u32) -> vec3<i32> {
  let i0 = i32(batch);
  let a_at = p.a_first + i0 * p.a_step0;
  let b_at = p.b_first + i0 * p.b_step0;
  let c_at = p.c_first + i0 * p.c_step0;
  return vec3<i32>(a_at, b_at, c_at);
}
fn a_lane(row: u32, start: i32) -> vec4<i32> {
  return vec4<i32>(start + i32(row) * p.a_down, 0, 0, 0);
}
fn a_step(depth: u32) -> vec4<i32> {
  return vec4<i32>(i32(depth) * p.a_across, 0, 0, 0);
}
fn a_load(lane: vec4<i32>, step: vec4<i32>) -> f32 {
  return load_a(lane.x + step.x);
}
fn b_lane(column: u32, start: i32) -> vec4<i32> {
  return vec4<i32>(start + i32(column) * p.b_across, 0, 0, 0);
}
fn b_step(depth: u32) -> vec4<i32> {
  return vec4<i32>(i32(depth) * p.b_down, 0, 0, 0);
}
fn b_load(lane: vec4<i32>, step: vec4<i32>) -> f32 {
  return load_b(lane.x + step.x);
}
fn c_at(row: u32, column: u32, start: i32) -> i32 {
  return start + i32(row) * p.c_down + i32(column) * p.c_across;
}

fn put(row: u32, column: u32, begin: i32, value: f32) {
  if (row < u32(p.rows) && column < u32(p.columns)) {
    store_c(c_at(row, column, begin), value);
  }
}
fn put_quad(row: u32, column: u32, step: u32, begin: i32, values: vec4<f32>) {
  put(row, column, begin, values.x);
  put(row, column + step, begin, values.y);
  put(row, column + 2u * step, begin, values.z);
  put(row, column + 3u * step, begin, values.w);
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
  let column = number % u32(p.columns);
  let line = number / u32(p.columns);
  let row = line % u32(p.rows);
  let begin = start(line / u32(p.rows));
  let a = a_lane(row, begin.x);
  let b = b_lane(column, begin.y);
  var sum = 0.0;
  for (var depth = 0u; depth < u32(p.depth); depth++) {
    sum += a_load(a, a_step(depth)) * b_load(b, b_step(depth));
  }
  put(row, column, begin.z, sum);
}
