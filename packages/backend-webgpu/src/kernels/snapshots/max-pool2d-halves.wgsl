// The first of the largest values of each window, and where it is; a window of nothing gives -Infinity.

enable f16;

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

@group(0) @binding(0) var<storage, read> x: array<vec4<f16>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f16>>;
@group(0) @binding(2) var<storage, read_write> indices: array<vec4<i32>>;
@group(0) @binding(3) var<uniform> p: Params;

// A half as f32, by its bits: WGSL lets a conversion take subnormal halves for 0.
fn from_f16(x: f16) -> f32 {
  let bits = bitcast<u32>(vec2<f16>(x));
  let size = bits & 0x7fffu;
  let normal = (size << 13u) + select(0x38000000u, 0x70000000u, size >= 0x7c00u);
  let subnormal = bitcast<u32>(f32(size) * 5.9604644775390625e-8f);
  return bitcast<f32>(((bits & 0x8000u) << 16u) | select(subnormal, normal, size >= 0x400u));
}
// The nearest half, the even one on a tie, infinity from 65520 on: WGSL leaves all of that open.
fn to_f16(x: f32) -> f16 {
  let bits = bitcast<u32>(x);
  let size = bits & 0x7fffffffu;
  // Below 2^-14 halves are multiples of 2^-24; what is shifted by 25 is below half of one.
  let small = size < 0x38800000u;
  let word = select(size - 0x38000000u, (size & 0x7fffffu) | 0x800000u, small);
  let shift = select(13u, min(126u - (size >> 23u), 25u), small);
  let rounded = (word + (1u << (shift - 1u)) - 1u + ((word >> shift) & 1u)) >> shift;
  let finite = select(rounded, 0x7c00u, size >= 0x47800000u);
  let half = select(finite, 0x7e00u, size > 0x7f800000u);
  return bitcast<vec2<f16>>(((bits >> 16u) & 0x8000u) | half).x;
}
fn load_x(at: i32) -> vec4<u32> {
  let half = x[at];
  return bitcast<vec4<u32>>(vec4<f32>(from_f16(half.x), from_f16(half.y), from_f16(half.z), from_f16(half.w)));
}
fn load_y(at: i32) -> vec4<u32> {
  let half = y[at];
  return bitcast<vec4<u32>>(vec4<f32>(from_f16(half.x), from_f16(half.y), from_f16(half.z), from_f16(half.w)));
}
fn store_y(at: i32, value: vec4<u32>) {
  let wide = bitcast<vec4<f32>>(value);
  y[at] = vec4<f16>(to_f16(wide.x), to_f16(wide.y), to_f16(wide.z), to_f16(wide.w));
}
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
