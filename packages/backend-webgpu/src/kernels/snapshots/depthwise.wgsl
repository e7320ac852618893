// Depthwise convolution: y[n, i, j, k] = sum over taps of x[n, window, channel of k] weight[tap, k].

struct Params {
  groups: i32,
  count: i32,
  blocks: i32,
  weight_row: i32,
  weight_tap: i32,
  x_first: i32,
  weight_first: i32,
  y_first: i32,
  height: i32,
  width: i32,
  channels: i32,
  filters: i32,
  multiplier: i32,
  taps_h: i32,
  taps_w: i32,
  grid_height: i32,
  grid_width: i32,
  stride_h: i32,
  stride_w: i32,
  top: i32,
  left: i32,
  dilation_h: i32,
  dilation_w: i32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;

fn load_x(at: i32) -> vec4<f32> { return x[at]; }
fn load_weight(at: i32) -> vec4<f32> { return weight[at]; }
fn load_y(at: i32) -> vec4<f32> { return y[at]; }
fn store_y(at: i32, value: vec4<f32>) { y[at] = value; }

// Padding is zeros. Negative numbers are large as u32.
fn x_load(line_at: i32, x: i32) -> vec4<f32> {
  if (u32(x) >= u32(p.width)) {
    return vec4<f32>();
  }
  return load_x(line_at + x * p.channels);
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
  let block = i32(number / u32(p.filters));
  let channel = i32(number) - block * p.filters;
  let line = i32(u32(block) / u32(p.blocks));
  let column = (block - line * p.blocks) * 4;
  let image = i32(u32(line) / u32(p.grid_height));
  let top = (line - image * p.grid_height) * p.stride_h - p.top;
  let x_at = p.x_first + image * p.height * p.width * p.channels + channel / p.multiplier;
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var r = 0; r < p.taps_h; r++) {
    let y = top + r * p.dilation_h;
    if (u32(y) >= u32(p.height)) { continue; }
    let line_at = x_at + y * p.width * p.channels;
    for (var s = 0; s < p.taps_w; s += 3) {
      let left = column * p.stride_w - p.left + s * p.dilation_w;
      let weight_at = p.weight_first + r * p.weight_row + s * p.weight_tap + channel;
      let x0 = x_load(line_at, left + 0);
      let x1 = x_load(line_at, left + 1);
      let x2 = x_load(line_at, left + 2);
      let x3 = x_load(line_at, left + 3);
      let x4 = x_load(line_at, left + 4);
      let x5 = x_load(line_at, left + 5);
      let x6 = x_load(line_at, left + 6);
      let x7 = x_load(line_at, left + 7);
      let x8 = x_load(line_at, left + 8);
      let w0 = load_weight(weight_at + 0 * p.weight_tap);
      let w1 = load_weight(weight_at + 1 * p.weight_tap);
      let w2 = load_weight(weight_at + 2 * p.weight_tap);
      sum0 += x0 * w0;
      sum0 += x1 * w1;
      sum0 += x2 * w2;
      sum1 += x2 * w0;
      sum1 += x3 * w1;
      sum1 += x4 * w2;
      sum2 += x4 * w0;
      sum2 += x5 * w1;
      sum2 += x6 * w2;
      sum3 += x6 * w0;
      sum3 += x7 * w1;
      sum3 += x8 * w2;
    }
  }
  let y_at = p.y_first + (line * p.grid_width + column) * p.filters + channel;
  if (column + 0 < p.grid_width) { store_y(y_at + 0 * p.filters, sum0); }
  if (column + 1 < p.grid_width) { store_y(y_at + 1 * p.filters, sum1); }
  if (column + 2 < p.grid_width) { store_y(y_at + 2 * p.filters, sum2); }
  if (column + 3 < p.grid_width) { store_y(y_at + 3 * p.filters, sum3); }
}
