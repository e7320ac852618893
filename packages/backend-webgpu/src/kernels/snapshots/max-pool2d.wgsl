// The first of the largest values of each window, and where it is; a window of nothing gives -Infinity.

struct Params {
  groups: i32,
  count: i32,
  x_first: i32,
  y_first: i32,
  indices_first: i32,
  height: i32,
  width: i32,
  channels: i32,
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

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<storage, read_write> indices: array<i32>;
@group(0) @binding(3) var<uniform> p: Params;

fn load_x(at: i32) -> u32 { return x[at]; }
fn load_y(at: i32) -> u32 { return y[at]; }
fn store_y(at: i32, value: u32) { y[at] = value; }
fn load_indices(at: i32) -> i32 { return indices[at]; }
fn store_indices(at: i32, value: i32) { indices[at] = value; }

fn order(bits: u32) -> u32 {
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    return 0xffffffffu; // NaN
  }
  if (bits == 0x80000000u) {
    return 0x80000000u; // -0, as 0
  }
  return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
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
  var best = 0u;
  var value = 0xff800000u; // -Infinity
  var place = 0;
  let channel = i32(number % u32(p.channels));
  let pixel = number / u32(p.channels);
  let left = i32(pixel % u32(p.grid_width)) * p.stride_w - p.left;
  let line = pixel / u32(p.grid_width);
  let top = i32(line % u32(p.grid_height)) * p.stride_h - p.top;
  let image = i32(line / u32(p.grid_height)) * p.height;
  for (var r = 0; r < p.taps_h; r++) {
    let y = top + r * p.dilation_h;
    if (y < 0 || y >= p.height) { continue; }
    for (var s = 0; s < p.taps_w; s++) {
      let x = left + s * p.dilation_w;
      if (x < 0 || x >= p.width) { continue; }
      let x_at = p.x_first + ((image + y) * p.width + x) * p.channels + channel;
      let bits = load_x(x_at); if (order(bits) > best) { best = order(bits); value = bits; place = y * p.width + x; }
    }
  }
  store_y(p.y_first + i32(number), value);
  store_indices(p.indices_first + i32(number), place);
}
