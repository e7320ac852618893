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

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> indices: array<vec4<i32>>;
@group(0) @binding(3) var<uniform> p: Params;

fn load_x(at: i32) -> vec4<u32> { return x[at]; }
fn load_y(at: i32) -> vec4<u32> { return y[at]; }
fn store_y(at: i32, value: vec4<u32>) { y[at] = value; }
fn load_indices(at: i32) -> vec4<i32> { return indices[at]; }
fn store_indices(at: i32, value: vec4<i32>) { indices[at] = value; }

fn order(bits: vec4<u32>) -> vec4<u32> {
  let zero = vec4<u32>(0x80000000u);
  let magnitude = bits & ~zero;
  let key = select(zero + magnitude, zero - magnitude, bits >= zero);
  return select(key, ~vec4<u32>(), magnitude > vec4<u32>(0x7f800000u)); // NaN
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
  var best = vec4<u32>();
  var value = vec4<u32>(0xff800000u); // -Infinity
  var place = vec4<i32>();
  let pixel = i32(number / u32(p.channels));
  let channel = i32(number) - pixel * p.channels;
  let line = i32(u32(pixel) / u32(p.grid_width));
  let left = (pixel - line * p.grid_width) * p.stride_w - p.left;
  let n = i32(u32(line) / u32(p.grid_height));
  let top = (line - n * p.grid_height) * p.stride_h - p.top;
  let image = n * p.height;
  for (var r = 0; r < p.taps_h; r++) {
    let y = top + r * p.dilation_h;
    if (u32(y) >= u32(p.height)) { continue; }
    let line_at = p.x_first + (image + y) * p.width * p.channels + channel;
    for (var s = 0; s < p.taps_w; s += 2) {
      {
        let x = left + (s + 0) * p.dilation_w;
        // Negative numbers are large as u32.
        if (u32(x) < u32(p.width)) {
          let x_at = line_at + x * p.channels;
          let bits = load_x(x_at);
          let key = order(bits);
          let wins = key > best;
          best = select(best, key, wins);
          value = select(value, bits, wins);
          place = select(place, vec4<i32>(y * p.width + x), wins);
        }
      }
      {
        let x = left + (s + 1) * p.dilation_w;
        // Negative numbers are large as u32.
        if (u32(x) < u32(p.width)) {
          let x_at = line_at + x * p.channels;
          let bits = load_x(x_at);
          let key = order(bits);
          let wins = key > best;
          best = select(best, key, wins);
          value = select(value, bits, wins);
          place = select(place, vec4<i32>(y * p.width + x), wins);
        }
      }
    }
  }
  store_y(p.y_first + i32(number), value);
  store_indices(p.indices_first + i32(number), place);
}
