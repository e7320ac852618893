// Depthwise convolution: y[n, i, j, k] = sum over taps of x[n, window, channel of k] weight[tap, k].

struct Params {
  groups: i32,
  count: i32,
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
  let channel = i32(number % u32(p.filters));
  let pixel = number / u32(p.filters);
  let column = i32(pixel % u32(p.grid_width));
  let line = pixel / u32(p.grid_width);
  let row = i32(line % u32(p.grid_height));
  let image = i32(line / u32(p.grid_height));
  let top = row * p.stride_h - p.top;
  let left = column * p.stride_w - p.left;
  var sum = vec4<f32>();
  for (var r = 0; r < p.taps_h; r++) {
    let y = top + r * p.dilation_h;
    if (y < 0 || y >= p.height) { continue; }
    for (var s = 0; s < p.taps_w; s++) {
      let x = left + s * p.dilation_w;
      if (x < 0 || x >= p.width) { continue; }
      let pixel_at = ((image * p.height + y) * p.width + x) * p.channels;
      sum += load_x(p.x_first + pixel_at + channel / p.multiplier)
        * load_weight(p.weight_first + (r * p.taps_w + s) * p.filters + channel);
    }
  }
  store_y(p.y_first + i32(number), sum);
}
