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
  a_first: i32,
  b_first: i32,
  c_first: i32,
}

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

fn load_a(at: i32) -> vec4<f32> { return a[at]; }
fn load_b(at: i32) -> vec4<f32> { return b[at]; }
fn load_c(at: i32) -> f32 { return c[at]; }
fn store_c(at: i32, value: f32) { c[at] = value; }

fn start(batch: u32) -> vec3<i32> {
  let a_at = p.a_first;
  let b_at = p.b_first;
  let c_at = p.c_first;
  return vec3<i32>(a_at, b_at, c_at);
}
fn a_lane(row: u32, start: i32) -> vec4<i32> {
  return vec4<i32>(start + i32(row) * p.a_down, 0, 0, 0);
}
fn a_load(lane: vec4<i32>, depth: u32) -> vec4<f32> {
  return load_a((lane.x + i32(depth) * p.a_across) >> 2u);
}
fn b_lane(column: u32, start: i32) -> vec4<i32> {
  return vec4<i32>(start + i32(column) * p.b_across, 0, 0, 0);
}
fn b_load(lane: vec4<i32>, depth: u32) -> vec4<f32> {
  return load_b((lane.x + i32(depth) * p.b_down) >> 2u);
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
  return a_load(lane, depth);
}

fn b_slot_lane(slot: u32) -> u32 { return slot % 8u * 4u; }
fn b_slot_depth(slot: u32) -> u32 { return slot / 8u; }
fn b_slot_place(slot: u32) -> u32 { return slot; }

fn b_quad(lane: vec4<i32>, depth: u32, end: u32) -> vec4<f32> {
  if (depth >= end) {
    return vec4<f32>();
  }
  return b_load(lane, depth);
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
  var a_lanes: array<vec4<i32>, 4>;
  var a_ends: array<u32, 4>;
  for (var i = 0u; i < 4u; i++) {
    let lane = row + a_slot_lane(thread + i * 64u);
    a_lanes[i] = a_lane(lane, begin.x);
    a_ends[i] = select(0u, end, lane < u32(p.rows));
  }
  var b_lanes: array<vec4<i32>, 4>;
  var b_ends: array<u32, 4>;
  for (var i = 0u; i < 4u; i++) {
    let lane = column + b_slot_lane(thread + i * 64u);
    b_lanes[i] = b_lane(lane, begin.y);
    b_ends[i] = select(0u, end, lane < u32(p.columns));
  }
  var sums: array<vec4<f32>, 4>;
  for (var slice = first; slice < end; slice += 32u) {
    for (var i = 0u; i < 4u; i++) {
      let slot = thread + i * 64u;
      a_tile[a_slot_place(slot)] = a_quad(a_lanes[i], slice + a_slot_depth(slot), a_ends[i]);
    }
    for (var i = 0u; i < 4u; i++) {
      let slot = thread + i * 64u;
      b_tile[b_slot_place(slot)] = b_quad(b_lanes[i], slice + b_slot_depth(slot), b_ends[i]);
    }
    workgroupBarrier();
    for (var quad = 0u; quad < 8u; quad++) {
      let b0 = b_tile[(quad * 4u + 0u) * 8u + tile_column];
      let b1 = b_tile[(quad * 4u + 1u) * 8u + tile_column];
      let b2 = b_tile[(quad * 4u + 2u) * 8u + tile_column];
      let b3 = b_tile[(quad * 4u + 3u) * 8u + tile_column];
      for (var i = 0u; i < 4u; i++) {
        let a = a_tile[(tile_row + i * 8u) * 9u + quad];
        sums[i] += a.x * b0 + a.y * b1 + a.z * b2 + a.w * b3;
      }
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < 4u; i++) {
    let to_row = row + tile_row + i * 8u;
    for (var j = 0u; j < 4u; j++) {
      let to_column = column + tile_column * 4u + j;
      if (to_row < u32(p.rows) && to_column < u32(p.columns)) {
        store_c(c_at(to_row, to_column, begin.z), sums[i][j]);
      }
    }
  }
}
