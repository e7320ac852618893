/**
 * What a device has, as kernels choose by it. Of subgroups they count on more than WGSL promises: that
 * aligned runs of neighbouring threads are in one, up to the least size that the adapter names. So the
 * device is asked to show it, once; where it does not, there are no subgroups for us.
 */
import { BLOCK_THREADS, STRIP_THREADS } from '../kernels/plan.ts'
import { THREADS } from '../kernels/wgsl.ts'
import { bufferUsage, mapModeRead } from './constants.ts'
import type { Features } from './kernel.ts'

/** Workgroups of each size to ask: more than one, should they differ. */
const groups = 4

/** The features of a device. */
export async function featuresOf(device: GPUDevice): Promise<Features> {
  // Browsers had the extension before they told sizes.
  const {
    isFallbackAdapter = false,
    subgroupMinSize = 0,
    subgroupMaxSize = 0,
  } = (device as Partial<GPUDevice>).adapterInfo ?? {}
  const subgroups =
    device.features.has('subgroups') && (await runsAreSubgroups(device, subgroupMinSize))
  return {
    subgroups,
    subgroupMinSize: subgroups ? subgroupMinSize : 0,
    subgroupMaxSize: subgroups ? subgroupMaxSize : 0,
    f16: device.features.has('shader-f16'),
    // Chromium's and Dawn's; other browsers have no software GPUs.
    software: isFallbackAdapter,
  }
}

/** Whether aligned runs of `run` neighbouring threads exchange values as one subgroup. */
async function runsAreSubgroups(device: GPUDevice, run: number): Promise<boolean> {
  // A power of two.
  if (!(run >= 4 && (run & (run - 1)) === 0)) return false
  const filters = ['validation', 'internal'] as const
  for (const filter of filters) device.pushErrorScope(filter)
  // A device that fails here is lost, or has no subgroups that work.
  const answers = askSubgroups(device, run).catch(() => false)
  const failures = await Promise.all(filters.map(() => device.popErrorScope().catch(() => null)))
  return failures.every((failure) => !failure) && (await answers)
}

async function askSubgroups(device: GPUDevice, run: number): Promise<boolean> {
  const sizes = [BLOCK_THREADS, THREADS, STRIP_THREADS]
  const module = device.createShaderModule({ code: question(run) })
  const count = groups * sizes.reduce((sum, size) => sum + size)
  const [storage, staging] = [
    bufferUsage.storage | bufferUsage.copySource,
    bufferUsage.mapRead | bufferUsage.copyTarget,
  ].map((usage) => device.createBuffer({ size: 4 * count, usage }))
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  let first = 0
  for (const size of sizes) {
    const compute = { module, constants: { size, first } }
    const pipeline = device.createComputePipeline({ layout: 'auto', compute })
    const layout = pipeline.getBindGroupLayout(0)
    const entries = [{ binding: 0, resource: { buffer: storage! } }]
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, device.createBindGroup({ layout, entries }))
    pass.dispatchWorkgroups(groups)
    first += groups * size
  }
  pass.end()
  encoder.copyBufferToBuffer(storage!, 0, staging!, 0, 4 * count)
  device.queue.submit([encoder.finish()])
  try {
    await staging!.mapAsync(mapModeRead)
    return new Uint32Array(staging!.getMappedRange()).every((answer) => answer === 1)
  } finally {
    storage!.destroy()
    staging!.destroy()
  }
}

/** Whether every thread gets what each kind of exchange should give, after a loop that they leave one by one. */
function question(run: number): string {
  const expected: string[] = []
  for (let step = 1; step < run; step *= 2)
    expected.push(
      `fine &= (size <= ${step}u) | (subgroupShuffleXor(me, ${step}u) == (me ^ ${step}u));`,
      `fine &= (me % ${run}u < ${step}u) | (subgroupShuffleUp(me, ${step}u) == me - ${step}u);`,
    )
  for (let lane = 0; lane < 4; lane++)
    expected.push(`fine &= (quadBroadcast(me, ${lane}u) == me / 4u * 4u + ${lane}u);`)
  return `enable subgroups;
override size: u32;
override first: u32;
@group(0) @binding(0) var<storage, read_write> answers: array<u32>;

@compute @workgroup_size(size)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) me: u32) {
  let at = first + group.x * size + me;
  for (var i = 0u; i < me % 7u; i++) { answers[at] += i; }
  var fine = true;
${expected.map((line) => `  ${line}`).join('\n')}
  answers[at] = u32(fine);
}
`
}
