// c[tap and channel, column] = sum over pixels of a[window of the pixel] b[pixel, column].

struct Params {
  groups: i32,
  rows: i32,
  columns: i32,
  depth: i32,
  tiles_down: i32,
  tiles_across: i32,
  batches: i32,
  chunk: i32,
  a_first: i32,
  a_group: i32,
  a_image: i32,
  a_pixel: i32,
  height: i32,
  width: i32,
  stride_h: i32,
  stride_w: i32,
  top: i32,
  left: i32,
  dilation_h: i32,
  dilation_w: i32,
  b_first: i32,
  b_pixel: i32,
  c_first: i32,
  c_down: i32,
  column_group: i32,
  channels: i32,
  taps: i32,
  grid_height: i32,
  grid_height_inverse: i32,
  grid_width: i32,
  grid_width_inverse: i32,
}

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

fn load_a(at: i32) -> vec4<f32> { return a[at]; }
fn load_b(at: i32) -> vec4<f32> { return b[at]; }
fn load_c(at: i32) -> f32 { return c[at]; }
fn store_c(at: i32, value: f32) { c[at] = value; }

fn divide(n: u32, by: i32, inverse: i32) -> u32 { return u32((f32(n) + 0.5) * bitcast<f32>(inverse)); }
fn start(group: u32) -> vec3<i32> {
  let g = i32(group);
  let columns = g * p.column_group;
  return vec3<i32>(p.a_first + g * p.a_group, p.b_first + columns, p.c_first + columns);
}
// The channel, and where the tap lies from the corner of a window.
fn a_lane(row: u32, start: i32) -> vec4<i32> {
  let tap = row / u32(p.channels);
  let y = i32(tap / u32(p.taps)) * p.dilation_h - p.top;
  let x = i32(tap % u32(p.taps)) * p.dilation_w - p.left;
  return vec4<i32>(start + i32(row % u32(p.channels)), y, x, 0);
}
// The corner of the pixel's window, and its image.
fn a_step(depth: u32) -> vec4<i32> {
  let line = divide(depth, p.grid_width, p.grid_width_inverse);
  let image = divide(line, p.grid_height, p.grid_height_inverse);
  let top = (i32(line) - i32(image) * p.grid_height) * p.stride_h;
  let left = (i32(depth) - i32(line) * p.grid_width) * p.stride_w;
  return vec4<i32>(i32(image) * p.a_image, top, left, 0);
}
fn a_load(lane: vec4<i32>, step: vec4<i32>) -> vec4<f32> {
  let y = lane.y + step.y;
  let x = lane.z + step.z;
  // Negative numbers are large as u32. What lies outside is read elsewhere, and left out.
  let inside = u32(y) < u32(p.height) && u32(x) < u32(p.width);
  let at = select(0, lane.x + step.x + (y * p.width + x) * p.a_pixel, inside);
  return select(vec4<f32>(), load_a((at) >> 2u), inside);
}
fn b_lane(column: u32, start: i32) -> vec4<i32> {
  return vec4<i32>(start + i32(column), 0, 0, 0);
}
fn b_step(depth: u32) -> vec4<i32> {
  return vec4<i32>(i32(depth) * p.b_pixel, 0, 0, 0);
}
fn b_load(lane: vec4<i32>, step: vec4<i32>) -> vec4<f32> {
  return load_b((lane.x + step.x) >> 2u);
}
fn c_at(row: u32, column: u32, start: i32) -> i32 {
  return start + i32(row) * p.c_down + i32(column);
}

var<workgroup> a_tile: array<vec4<f32>, 256>;
var<workgroup> b_tile: array<vec4<f32>, 256>;

fn a_slot_lane(slot: u32) -> u32 { return slot % 8u * 4u; }
fn a_slot_depth(slot: u32) -> u32 { return slot / 8u; }
fn a_slot_place(slot: u32) -> u32 { return slot; }

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
    store_c((begin * p.rows + i32(row)) * p.columns + i32(column), value);
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
  let begin = start(rest % u32(p.batches));
  let first = rest / u32(p.batches) * u32(p.chunk);
  let end = min(first + u32(p.chunk), u32(p.depth));
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
      let a0_0 = a_tile[(quad * 4u + 0u) * 8u + tile_row + 0u];
      let a0_1 = a_tile[(quad * 4u + 1u) * 8u + tile_row + 0u];
      let a0_2 = a_tile[(quad * 4u + 2u) * 8u + tile_row + 0u];
      let a0_3 = a_tile[(quad * 4u + 3u) * 8u + tile_row + 0u];
      sum0 += a0_0.x * b0 + a0_1.x * b1 + a0_2.x * b2 + a0_3.x * b3;
      sum1 += a0_0.y * b0 + a0_1.y * b1 + a0_2.y * b2 + a0_3.y * b3;
      sum2 += a0_0.z * b0 + a0_1.z * b1 + a0_2.z * b2 + a0_3.z * b3;
      sum3 += a0_0.w * b0 + a0_1.w * b1 + a0_2.w * b2 + a0_3.w * b3;
    }
    workgroupBarrier();
  }
  put_quad(row + (tile_row + 0u) * 4u + 0u, column + tile_column * 4u, 1u, i32(rest), sum0);
  put_quad(row + (tile_row + 0u) * 4u + 1u, column + tile_column * 4u, 1u, i32(rest), sum1);
  put_quad(row + (tile_row + 0u) * 4u + 2u, column + tile_column * 4u, 1u, i32(rest), sum2);
  put_quad(row + (tile_row + 0u) * 4u + 3u, column + tile_column * 4u, 1u, i32(rest), sum3);
}

// ----

// Adds up the parts of every element, always in the same order.

struct Params {
  groups: i32,
  count: i32,
  parts_count: i32,
  out_first: i32,
  out_step0: i32,
}

@group(0) @binding(0) var<storage, read> parts: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

fn load_parts(at: i32) -> f32 { return parts[at]; }
fn load_out(at: i32) -> f32 { return out[at]; }
fn store_out(at: i32, value: f32) { out[at] = value; }

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
  let i0 = i32(number);
  let out_at = p.out_first + i0 * p.out_step0;
  var sum = 0.0;
  for (var part = 0; part < p.parts_count; part++) {
    sum += load_parts(part * p.count + i32(number));
  }
  store_out(out_at, sum);
}
