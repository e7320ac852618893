// c[row, column] = sum over depth of a[row, depth] b[depth, column], for each matrix of a batch.

struct Params {
  groups: i32,
  rows: i32,
  columns: i32,
  depth: i32,
  tiles_down: i32,
  tiles_across: i32,
  batches: i32,
  chunk: i32,
  a_down: i32,
  a_across: i32,
  b_down: i32,
  b_across: i32,
  c_down: i32,
  c_across: i32,
  term_down: i32,
  term_across: i32,
  a_first: i32,
  b_first: i32,
  c_first: i32,
  term_first: i32,
}

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<storage, read> term: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

fn load_a(at: i32) -> vec4<f32> { return a[at]; }
fn load_b(at: i32) -> vec4<f32> { return b[at]; }
fn load_c(at: i32) -> f32 { return c[at]; }
fn store_c(at: i32, value: f32) { c[at] = value; }
fn load_term(at: i32) -> f32 { return term[at]; }

var<private> term_begin: i32;
fn term_of(row: u32, column: u32) -> f32 {
  return load_term(term_begin + i32(row) * p.term_down + i32(column) * p.term_across);
}
fn start(batch: u32) -> vec3<i32> {
  let a_at = p.a_first;
  let b_at = p.b_first;
  let c_at = p.c_first;
  let term_at = p.term_first;
  term_begin = term_at;
  return vec3<i32>(a_at, b_at, c_at);
}
fn a_lane(row: u32, start: i32) -> vec4<i32> {
  return vec4<i32>(start + i32(row) * p.a_down, 0, 0, 0);
}
fn a_step(depth: u32) -> vec4<i32> {
  return vec4<i32>(i32(depth) * p.a_across, 0, 0, 0);
}
fn a_load(lane: vec4<i32>, step: vec4<i32>) -> vec4<f32> {
  return load_a((lane.x + step.x) >> 2u);
}
fn b_lane(column: u32, start: i32) -> vec4<i32> {
  return vec4<i32>(start + i32(column) * p.b_across, 0, 0, 0);
}
fn b_step(depth: u32) -> vec4<i32> {
  return vec4<i32>(i32(depth) * p.b_down, 0, 0, 0);
}
fn b_load(lane: vec4<i32>, step: vec4<i32>) -> vec4<f32> {
  return load_b((lane.x + step.x) >> 2u);
}
fn c_at(row: u32, column: u32, start: i32) -> i32 {
  return start + i32(row) * p.c_down + i32(column) * p.c_across;
}

var<workgroup> a_tile: array<vec4<f32>, 288>;
var<workgroup> b_tile: array<vec4<f32>, 256>;

fn a_slot_lane(slot: u32) -> u32 { return slot / 8u; }
fn a_slot_depth(slot: u32) -> u32 { return slot % 8u * 4u; }
fn a_slot_place(slot: u32) -> u32 { return a_slot_lane(slot) * 9u + a_slot_depth(slot) / 4u; }

fn a_quad(lane: vec4<i32>, depth: u32, end: u32) -> vec4<f32> {
  if (depth >= end) {
    return vec4<f32>();
  }
  return a_load(lane, a_step(depth));
}

fn b_slot_lane(slot: u32) -> u32 { return slot % 8u * 4u; }
fn b_slot_depth(slot: u32) -> u32 { return slot / 8u; }
fn b_slot_place(slot: u32) -> u32 { return slot; }

fn b_quad(lane: vec4<i32>, depth: u32, end: u32) -> vec4<f32> {
  if (depth >= end) {
    return vec4<f32>();
  }
  return b_load(lane, b_step(depth));
}

fn put(row: u32, column: u32, begin: i32, value: f32) {
  if (row < u32(p.rows) && column < u32(p.columns)) {
    store_c(c_at(row, column, begin), value + term_of(row, column));
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
  // Which tile of which product: columns run fastest, then rows.
  var rest = group;
  let column = rest % u32(p.tiles_across) * 32u;
  rest /= u32(p.tiles_across);
  let row = rest % u32(p.tiles_down) * 32u;
  rest /= u32(p.tiles_down);
  let begin = start(rest);
  let first = 0u;
  let end = u32(p.depth);
  let tile_row = thread / 8u;
  let tile_column = thread % 8u;
  let a_slot0 = thread + 0u;
  let a_place0 = row + a_slot_lane(a_slot0);
  let a_lane0 = a_lane(a_place0, begin.x);
  let a_end0 = select(0u, end, a_place0 < u32(p.rows));
  let a_slot1 = thread + 64u;
  let a_place1 = row + a_slot_lane(a_slot1);
  let a_lane1 = a_lane(a_place1, begin.x);
  let a_end1 = select(0u, end, a_place1 < u32(p.rows));
  let a_slot2 = thread + 128u;
  let a_place2 = row + a_slot_lane(a_slot2);
  let a_lane2 = a_lane(a_place2, begin.x);
  let a_end2 = select(0u, end, a_place2 < u32(p.rows));
  let a_slot3 = thread + 192u;
  let a_place3 = row + a_slot_lane(a_slot3);
  let a_lane3 = a_lane(a_place3, begin.x);
  let a_end3 = select(0u, end, a_place3 < u32(p.rows));
  let b_slot0 = thread + 0u;
  let b_place0 = column + b_slot_lane(b_slot0);
  let b_lane0 = b_lane(b_place0, begin.y);
  let b_end0 = select(0u, end, b_place0 < u32(p.columns));
  let b_slot1 = thread + 64u;
  let b_place1 = column + b_slot_lane(b_slot1);
  let b_lane1 = b_lane(b_place1, begin.y);
  let b_end1 = select(0u, end, b_place1 < u32(p.columns));
  let b_slot2 = thread + 128u;
  let b_place2 = column + b_slot_lane(b_slot2);
  let b_lane2 = b_lane(b_place2, begin.y);
  let b_end2 = select(0u, end, b_place2 < u32(p.columns));
  let b_slot3 = thread + 192u;
  let b_place3 = column + b_slot_lane(b_slot3);
  let b_lane3 = b_lane(b_place3, begin.y);
  let b_end3 = select(0u, end, b_place3 < u32(p.columns));
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var slice = first; slice < end; slice += 32u) {
    a_tile[a_slot_place(a_slot0)] = a_quad(a_lane0, slice + a_slot_depth(a_slot0), a_end0);
    a_tile[a_slot_place(a_slot1)] = a_quad(a_lane1, slice + a_slot_depth(a_slot1), a_end1);
    a_tile[a_slot_place(a_slot2)] = a_quad(a_lane2, slice + a_slot_depth(a_slot2), a_end2);
    a_tile[a_slot_place(a_slot3)] = a_quad(a_lane3, slice + a_slot_depth(a_slot3), a_end3);
    b_tile[b_slot_place(b_slot0)] = b_quad(b_lane0, slice + b_slot_depth(b_slot0), b_end0);
    b_tile[b_slot_place(b_slot1)] = b_quad(b_lane1, slice + b_slot_depth(b_slot1), b_end1);
    b_tile[b_slot_place(b_slot2)] = b_quad(b_lane2, slice + b_slot_depth(b_slot2), b_end2);
    b_tile[b_slot_place(b_slot3)] = b_quad(b_lane3, slice + b_slot_depth(b_slot3), b_end3);
    workgroupBarrier();
    for (var quad = 0u; quad < 8u; quad++) {
      let b0 = b_tile[(quad * 4u + 0u) * 8u + tile_column];
      let b1 = b_tile[(quad * 4u + 1u) * 8u + tile_column];
      let b2 = b_tile[(quad * 4u + 2u) * 8u + tile_column];
      let b3 = b_tile[(quad * 4u + 3u) * 8u + tile_column];
      let a0 = a_tile[(tile_row + 0u) * 9u + quad];
      sum0 += a0.x * b0 + a0.y * b1 + a0.z * b2 + a0.w * b3;
      let a1 = a_tile[(tile_row + 8u) * 9u + quad];
      sum1 += a1.x * b0 + a1.y * b1 + a1.z * b2 + a1.w * b3;
      let a2 = a_tile[(tile_row + 16u) * 9u + quad];
      sum2 += a2.x * b0 + a2.y * b1 + a2.z * b2 + a2.w * b3;
      let a3 = a_tile[(tile_row + 24u) * 9u + quad];
      sum3 += a3.x * b0 + a3.y * b1 + a3.z * b2 + a3.w * b3;
    }
    workgroupBarrier();
  }
  put_quad(row + tile_row + 0u, column + tile_column * 4u, 1u, begin.z, sum0);
  put_quad(row + tile_row + 8u, column + tile_column * 4u, 1u, begin.z, sum1);
  put_quad(row + tile_row + 16u, column + tile_column * 4u, 1u, begin.z, sum2);
  put_quad(row + tile_row + 24u, column + tile_column * 4u, 1u, begin.z, sum3);
}
