// c[row, column] = sum over depth of a[row, depth] b[depth, column], for each matrix of a batch.

enable f16;

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

@group(0) @binding(0) var<storage, read> a: array<vec4<f16>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f16>>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

fn load_a(at: i32) -> vec4<f32> {
  let half = a[at];
  return vec4<f32>(half);
}
fn load_b(at: i32) -> vec4<f32> {
  let half = b[at];
  return vec4<f32>(half);
}
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
fn a_step(depth: u32) -> vec4<i32> {
  return vec4<i32>(i32(depth) * p.a_across, 0, 0, 0);
}
fn a_load(lane: vec4<i32>, step: vec4<i32>) -> vec4<f32> {
  return load_a((lane.x + step.x) >> 2u);
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
fn c_at(row: u32, column: u32, start: i32) -> i32 {
  return start + i32(row) * p.c_down + i32(column) * p.c_across;
}

var<workgroup> sums: array<vec4<f32>, 512>;

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

@compute @workgroup_size(128)
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
  var rest = group % u32(p.part_groups) * 16u + thread % 16u;
  let column = rest % u32(p.blocks_across) * 4u;
  rest /= u32(p.blocks_across);
  let height = rest % u32(p.blocks_down) * 4u;
  rest /= u32(p.blocks_down);
  // Threads beyond the last block go along, and store nothing.
  let row = select(u32(p.rows), height, rest < u32(p.batches));
  let batch = min(rest, u32(p.batches) - 1u);
  let begin = start(batch);
  let part = group / u32(p.part_groups);
  let first = part * u32(p.chunk);
  let end = min(first + u32(p.chunk), u32(p.depth));
  let lane = thread / 16u;
  let a_lane0 = a_lane(min(row, u32(p.rows) - 1u), begin.x);
  let a_lane1 = a_lane(min(row + 1u, u32(p.rows) - 1u), begin.x);
  let a_lane2 = a_lane(min(row + 2u, u32(p.rows) - 1u), begin.x);
  let a_lane3 = a_lane(min(row + 3u, u32(p.rows) - 1u), begin.x);
  let b_lane0 = b_lane(min(column, u32(p.columns) - 4u), begin.y);
  var sum0_0 = vec4<f32>();
  var sum1_0 = vec4<f32>();
  var sum2_0 = vec4<f32>();
  var sum3_0 = vec4<f32>();
  for (var depth = first + lane * 4u; depth < end; depth += 32u) {
    let a_step0 = a_step(depth);
    let b_step0 = b_step(depth);
    let b_step1 = b_step(depth + 1u);
    let b_step2 = b_step(depth + 2u);
    let b_step3 = b_step(depth + 3u);
    let a0_0 = a_load(a_lane0, a_step0);
    let a1_0 = a_load(a_lane1, a_step0);
    let a2_0 = a_load(a_lane2, a_step0);
    let a3_0 = a_load(a_lane3, a_step0);
    {
      let b0 = b_load(b_lane0, b_step0);
      sum0_0 += a0_0.x * b0;
      sum1_0 += a1_0.x * b0;
      sum2_0 += a2_0.x * b0;
      sum3_0 += a3_0.x * b0;
    }
    {
      let b0 = b_load(b_lane0, b_step1);
      sum0_0 += a0_0.y * b0;
      sum1_0 += a1_0.y * b0;
      sum2_0 += a2_0.y * b0;
      sum3_0 += a3_0.y * b0;
    }
    {
      let b0 = b_load(b_lane0, b_step2);
      sum0_0 += a0_0.z * b0;
      sum1_0 += a1_0.z * b0;
      sum2_0 += a2_0.z * b0;
      sum3_0 += a3_0.z * b0;
    }
    {
      let b0 = b_load(b_lane0, b_step3);
      sum0_0 += a0_0.w * b0;
      sum1_0 += a1_0.w * b0;
      sum2_0 += a2_0.w * b0;
      sum3_0 += a3_0.w * b0;
    }
  }
  sums[0u + thread] = sum0_0;
  sums[128u + thread] = sum1_0;
  sums[256u + thread] = sum2_0;
  sums[384u + thread] = sum3_0;
  workgroupBarrier();
  if (lane < 4u) {
    var all = vec4<f32>();
    for (var i = 0u; i < 8u; i++) {
      all += sums[lane * 128u + thread % 16u + i * 16u];
    }
    put_quad(row + lane, column, 1u, i32(part * u32(p.batches) + batch), all);
  }
}
