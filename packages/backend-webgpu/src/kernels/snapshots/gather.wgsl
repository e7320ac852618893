// out[.., i, ..] = x[.., index[.., i, ..], ..] along one axis.

struct Params {
  groups: i32,
  count: i32,
  x_step: i32,
  extent1: i32,
  index_first: i32,
  x_first: i32,
  out_first: i32,
  index_step0: i32,
  index_step1: i32,
  x_step0: i32,
  x_step1: i32,
  out_step0: i32,
  out_step1: i32,
}

@group(0) @binding(0) var<storage, read> index: array<i32>;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;
@group(0) @binding(3) var<uniform> p: Params;

fn load_index(at: i32) -> i32 { return index[at]; }
fn load_x(at: i32) -> u32 { return x[at]; }
fn load_out(at: i32) -> u32 { return out[at]; }
fn store_out(at: i32, value: u32) { out[at] = value; }

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
  var rest = number;
  let i1 = i32(rest % u32(p.extent1));
  rest /= u32(p.extent1);
  let i0 = i32(rest);
  let index_at = p.index_first + i0 * p.index_step0 + i1 * p.index_step1;
  let x_at = p.x_first + i0 * p.x_step0 + i1 * p.x_step1;
  let out_at = p.out_first + i0 * p.out_step0 + i1 * p.out_step1;
  store_out(out_at, load_x(x_at + load_index(index_at) * p.x_step));
}
