// c[pixel, column] = sum over taps and channels of a[window of the pixel] b[tap, channel, column].

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
  grid_height: i32,
  grid_width: i32,
  stride_h: i32,
  stride_w: i32,
  top: i32,
  left: i32,
  dilation_h: i32,
  dilation_w: i32,
  channels: i32,
  channels_inverse: i32,
  taps: i32,
  taps_inverse: i32,
  b_first: i32,
  b_group: i32,
  b_row: i32,
  b_tap: i32,
  b_down: i32,
  b_across: i32,
  c_first: i32,
  c_group: i32,
  c_image: i32,
  c_row: i32,
  c_pixel: i32,
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
// Row and column of a tap, and the channel.
fn tap_of(depth: u32) -> vec3<i32> {
  let tap = divide(depth, p.channels, p.channels_inverse);
  let row = divide(tap, p.taps, p.taps_inverse);
  return vec3<i32>(i32(row), i32(tap) - i32(row) * p.taps, i32(depth) - i32(tap) * p.channels);
}
fn start(group: u32) -> vec3<i32> {
  let g = i32(group);
  return vec3<i32>(p.a_first + g * p.a_group, p.b_first + g * p.b_group, p.c_first + g * p.c_group);
}
// The image, and the first row and column of the window.
fn a_lane(pixel: u32, start: i32) -> vec4<i32> {
  let v = i32(pixel % u32(p.grid_width));
  let line = pixel / u32(p.grid_width);
  let u = i32(line % u32(p.grid_height));
  let image = i32(line / u32(p.grid_height));
  return vec4<i32>(start + image * p.a_image, u * p.stride_h - p.top, v * p.stride_w - p.left, 0);
}
// Where the tap lies from the corner of the window, and the channel. The depth counts channels,
// then taps along a row, then rows.
fn a_step(depth: u32) -> vec4<i32> {
  let tap = tap_of(depth);
  return vec4<i32>(0, tap.x * p.dilation_h, tap.y * p.dilation_w, tap.z);
}
fn a_load(lane: vec4<i32>, step: vec4<i32>) -> vec4<f32> {
  let y = lane.y + step.y;
  let x = lane.z + step.z;
  // Negative numbers are large as u32. What lies outside is read elsewhere, and left out.
  let inside = u32(y) < u32(p.height) && u32(x) < u32(p.width);
  let at = select(0, lane.x + (y * p.width + x) * p.a_pixel + step.w, inside);
  return select(vec4<f32>(), load_a((at) >> 2u), inside);
}
fn b_lane(column: u32, start: i32) -> vec4<i32> {
  return vec4<i32>(start + i32(column) * p.b_across, 0, 0, 0);
}
fn b_step(depth: u32) -> vec4<i32> {
  let tap = tap_of(depth);
  return vec4<i32>(tap.x * p.b_row + tap.y * p.b_tap + tap.z * p.b_down, 0, 0, 0);
}
fn b_load(lane: vec4<i32>, step: vec4<i32>) -> vec4<f32> {
  return load_b((lane.x + step.x) >> 2u);
}
fn c_at(pixel: u32, column: u32, start: i32) -> i32 {
  let v = i32(pixel % u32(p.grid_width));
  let line = pixel / u32(p.grid_width);
  let u = i32(line % u32(p.grid_height));
  let image = i32(line / u32(p.grid_height));
  return start + image * p.c_image + u * p.c_row + v * p.c_pixel + i32(column);
}

var<workgroup> a_tile: array<vec4<f32>, 288>;
var<workgroup> b_tile: array<vec4<f32>, 288>;

fn a_slot_lane(slot: u32) -> u32 { return slot / 8u; }
fn a_slot_depth(slot: u32) -> u32 { return slot % 8u * 4u; }
fn a_slot_place(slot: u32) -> u32 { return a_slot_lane(slot) * 9u + a_slot_depth(slot) / 4u; }

fn a_quad(lane: vec4<i32>, depth: u32, end: u32) -> vec4<f32> {
  if (depth >= end) {
    return vec4<f32>();
  }
  return a_load(lane, a_step(depth));
}

fn b_slot_lane(slot: u32) -> u32 { return slot / 8u; }
fn b_slot_depth(slot: u32) -> u32 { return slot % 8u * 4u; }
fn b_slot_place(slot: u32) -> u32 { return b_slot_lane(slot) * 9u + b_slot_depth(slot) / 4u; }

fn b_quad(lane: vec4<i32>, depth: u32, end: u32) -> vec4<f32> {
  if (depth >= end) {
    return vec4<f32>();
  }
  return b_load(lane, b_step(depth));
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
      let d0 = b_tile[(tile_column + 0u) * 9u + quad];
      let d1 = b_tile[(tile_column + 8u) * 9u + quad];
      let d2 = b_tile[(tile_column + 16u) * 9u + quad];
      let d3 = b_tile[(tile_column + 24u) * 9u + quad];
      let b0 = vec4<f32>(d0.x, d1.x, d2.x, d3.x);
      let b1 = vec4<f32>(d0.y, d1.y, d2.y, d3.y);
      let b2 = vec4<f32>(d0.z, d1.z, d2.z, d3.z);
      let b3 = vec4<f32>(d0.w, d1.w, d2.w, d3.w);
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
  put_quad(row + tile_row + 0u, column + tile_column, 8u, begin.z, sum0);
  put_quad(row + tile_row + 8u, column + tile_column, 8u, begin.z, sum1);
  put_quad(row + tile_row + 16u, column + tile_column, 8u, begin.z, sum2);
  put_quad(row + tile_row + 24u, column + tile_column, 8u, begin.z, sum3);
}
