// c[pixel, column] = sum over taps and channels of a[window of the pixel] b[tap, channel, column].

enable subgroups;

struct Params {
  groups: i32,
  rows: i32,
  columns: i32,
  depth: i32,
  blocks_down: i32,
  blocks_across: i32,
  batches: i32,
  chunk: i32,
  part_groups: i32,
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
  return vec4<i32>(i32(depth) * p.b_down, 0, 0, 0);
}
fn b_load(lane: vec4<i32>, step: vec4<i32>) -> vec4<f32> {
  return load_b((lane.x + step.x) >> 2u);
}
fn c_at(pixel: u32, column: u32, start: i32) -> i32 {
  return start + i32(pixel) * p.c_pixel + i32(column);
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

@compute @workgroup_size(32)
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
  // Which block of which product: columns run fastest, then rows.
  var rest = group % u32(p.part_groups) * 32u + thread;
  let column = rest % u32(p.blocks_across) * 4u;
  rest /= u32(p.blocks_across);
  let height = rest % u32(p.blocks_down) * 16u;
  rest /= u32(p.blocks_down);
  // Threads beyond the last block go along, and store nothing.
  let row = select(u32(p.rows), height, rest < u32(p.batches));
  let batch = min(rest, u32(p.batches) - 1u);
  let begin = start(batch);
  let part = group / u32(p.part_groups);
  let first = part * u32(p.chunk);
  let end = min(first + u32(p.chunk), u32(p.depth));
  let a_lane0 = a_lane(min(row + thread % 4u, u32(p.rows) - 1u), begin.x);
  let a_lane1 = a_lane(min(row + 4u + thread % 4u, u32(p.rows) - 1u), begin.x);
  let a_lane2 = a_lane(min(row + 8u + thread % 4u, u32(p.rows) - 1u), begin.x);
  let a_lane3 = a_lane(min(row + 12u + thread % 4u, u32(p.rows) - 1u), begin.x);
  let b_lane0 = b_lane(min(column, u32(p.columns) - 4u), begin.y);
  var sum0_0 = vec4<f32>();
  var sum1_0 = vec4<f32>();
  var sum2_0 = vec4<f32>();
  var sum3_0 = vec4<f32>();
  var sum4_0 = vec4<f32>();
  var sum5_0 = vec4<f32>();
  var sum6_0 = vec4<f32>();
  var sum7_0 = vec4<f32>();
  var sum8_0 = vec4<f32>();
  var sum9_0 = vec4<f32>();
  var sum10_0 = vec4<f32>();
  var sum11_0 = vec4<f32>();
  var sum12_0 = vec4<f32>();
  var sum13_0 = vec4<f32>();
  var sum14_0 = vec4<f32>();
  var sum15_0 = vec4<f32>();
  for (var depth = first; depth < end; depth += 4u) {
    let a_step0 = a_step(depth);
    let b_step0 = b_step(depth);
    let b_step1 = b_step(depth + 1u);
    let b_step2 = b_step(depth + 2u);
    let b_step3 = b_step(depth + 3u);
    let mine0_0 = a_load(a_lane0, a_step0);
    let mine1_0 = a_load(a_lane1, a_step0);
    let mine2_0 = a_load(a_lane2, a_step0);
    let mine3_0 = a_load(a_lane3, a_step0);
    let a0_0 = quadBroadcast(mine0_0, 0u);
    let a1_0 = quadBroadcast(mine0_0, 1u);
    let a2_0 = quadBroadcast(mine0_0, 2u);
    let a3_0 = quadBroadcast(mine0_0, 3u);
    let a4_0 = quadBroadcast(mine1_0, 0u);
    let a5_0 = quadBroadcast(mine1_0, 1u);
    let a6_0 = quadBroadcast(mine1_0, 2u);
    let a7_0 = quadBroadcast(mine1_0, 3u);
    let a8_0 = quadBroadcast(mine2_0, 0u);
    let a9_0 = quadBroadcast(mine2_0, 1u);
    let a10_0 = quadBroadcast(mine2_0, 2u);
    let a11_0 = quadBroadcast(mine2_0, 3u);
    let a12_0 = quadBroadcast(mine3_0, 0u);
    let a13_0 = quadBroadcast(mine3_0, 1u);
    let a14_0 = quadBroadcast(mine3_0, 2u);
    let a15_0 = quadBroadcast(mine3_0, 3u);
    {
      let b0 = b_load(b_lane0, b_step0);
      sum0_0 += a0_0.x * b0;
      sum1_0 += a1_0.x * b0;
      sum2_0 += a2_0.x * b0;
      sum3_0 += a3_0.x * b0;
      sum4_0 += a4_0.x * b0;
      sum5_0 += a5_0.x * b0;
      sum6_0 += a6_0.x * b0;
      sum7_0 += a7_0.x * b0;
      sum8_0 += a8_0.x * b0;
      sum9_0 += a9_0.x * b0;
      sum10_0 += a10_0.x * b0;
      sum11_0 += a11_0.x * b0;
      sum12_0 += a12_0.x * b0;
      sum13_0 += a13_0.x * b0;
      sum14_0 += a14_0.x * b0;
      sum15_0 += a15_0.x * b0;
    }
    {
      let b0 = b_load(b_lane0, b_step1);
      sum0_0 += a0_0.y * b0;
      sum1_0 += a1_0.y * b0;
      sum2_0 += a2_0.y * b0;
      sum3_0 += a3_0.y * b0;
      sum4_0 += a4_0.y * b0;
      sum5_0 += a5_0.y * b0;
      sum6_0 += a6_0.y * b0;
      sum7_0 += a7_0.y * b0;
      sum8_0 += a8_0.y * b0;
      sum9_0 += a9_0.y * b0;
      sum10_0 += a10_0.y * b0;
      sum11_0 += a11_0.y * b0;
      sum12_0 += a12_0.y * b0;
      sum13_0 += a13_0.y * b0;
      sum14_0 += a14_0.y * b0;
      sum15_0 += a15_0.y * b0;
    }
    {
      let b0 = b_load(b_lane0, b_step2);
      sum0_0 += a0_0.z * b0;
      sum1_0 += a1_0.z * b0;
      sum2_0 += a2_0.z * b0;
      sum3_0 += a3_0.z * b0;
      sum4_0 += a4_0.z * b0;
      sum5_0 += a5_0.z * b0;
      sum6_0 += a6_0.z * b0;
      sum7_0 += a7_0.z * b0;
      sum8_0 += a8_0.z * b0;
      sum9_0 += a9_0.z * b0;
      sum10_0 += a10_0.z * b0;
      sum11_0 += a11_0.z * b0;
      sum12_0 += a12_0.z * b0;
      sum13_0 += a13_0.z * b0;
      sum14_0 += a14_0.z * b0;
      sum15_0 += a15_0.z * b0;
    }
    {
      let b0 = b_load(b_lane0, b_step3);
      sum0_0 += a0_0.w * b0;
      sum1_0 += a1_0.w * b0;
      sum2_0 += a2_0.w * b0;
      sum3_0 += a3_0.w * b0;
      sum4_0 += a4_0.w * b0;
      sum5_0 += a5_0.w * b0;
      sum6_0 += a6_0.w * b0;
      sum7_0 += a7_0.w * b0;
      sum8_0 += a8_0.w * b0;
      sum9_0 += a9_0.w * b0;
      sum10_0 += a10_0.w * b0;
      sum11_0 += a11_0.w * b0;
      sum12_0 += a12_0.w * b0;
      sum13_0 += a13_0.w * b0;
      sum14_0 += a14_0.w * b0;
      sum15_0 += a15_0.w * b0;
    }
  }
  put_quad(row, column, 1u, begin.z, sum0_0);
  put_quad(row + 1u, column, 1u, begin.z, sum1_0);
  put_quad(row + 2u, column, 1u, begin.z, sum2_0);
  put_quad(row + 3u, column, 1u, begin.z, sum3_0);
  put_quad(row + 4u, column, 1u, begin.z, sum4_0);
  put_quad(row + 5u, column, 1u, begin.z, sum5_0);
  put_quad(row + 6u, column, 1u, begin.z, sum6_0);
  put_quad(row + 7u, column, 1u, begin.z, sum7_0);
  put_quad(row + 8u, column, 1u, begin.z, sum8_0);
  put_quad(row + 9u, column, 1u, begin.z, sum9_0);
  put_quad(row + 10u, column, 1u, begin.z, sum10_0);
  put_quad(row + 11u, column, 1u, begin.z, sum11_0);
  put_quad(row + 12u, column, 1u, begin.z, sum12_0);
  put_quad(row + 13u, column, 1u, begin.z, sum13_0);
  put_quad(row + 14u, column, 1u, begin.z, sum14_0);
  put_quad(row + 15u, column, 1u, begin.z, sum15_0);
}
