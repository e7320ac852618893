/**
 * The stream of work: kernels are recorded one after the other into a command encoder, which is
 * submitted when somebody waits, when it is long, or when the host writes to memory that it uses.
 *
 * A call costs no objects of WebGPU once its kernel has run on the same buffers before: pipelines and
 * bind groups are kept, and the parameters of all calls of a submission lie in one uniform buffer,
 * uploaded at once and addressed by dynamic offsets.
 */
import { type DeviceBuffer, DeviceError } from '@nablajs/tensor/backend'
import { bufferUsage } from './constants.ts'
import type { Failures } from './failures.ts'
import type { Dispatch, Limits } from './kernel.ts'
import { type Pipeline, Pipelines } from './pipelines.ts'
import type { Block } from './pool.ts'

/** Parameters of one submission. */
const ringBytes = 1 << 18

/** Kernels of one submission: more make the GPU wait for the host, fewer cost time to submit. */
const longSubmission = 256

/** Bind groups to keep before all are forgotten; a training step uses some hundreds. */
const mostBindGroups = 8192

/** A kernel on buffers that it has run on before. */
interface Bound {
  readonly pipeline: Pipeline
  readonly blocks: readonly Block[]
  readonly bytes: number
  readonly group: GPUBindGroup
  /** What came after it the last time: the steps of a training loop are alike. */
  next: Bound | undefined
}

export interface RecorderStats {
  /** Kernels run so far. */
  readonly dispatches: number
  /** Command buffers submitted so far. */
  readonly submissions: number
  /** Shaders compiled so far. */
  readonly compiled: number
  /** Bytes of kernels' parameters uploaded so far. */
  readonly parameterBytes: number
}

export class Recorder {
  readonly #device: GPUDevice
  readonly #limits: Limits
  readonly #failures: Failures
  readonly #pipelines: Pipelines
  readonly #ring: GPUBuffer
  readonly #words: Uint32Array<ArrayBuffer> = new Uint32Array(ringBytes / 4)
  readonly #alignment: number
  readonly #bound: Map<string, Bound> = new Map()
  #last: Bound | undefined
  readonly #blocks: Block[] = []
  readonly #blockOf: (buffer: DeviceBuffer, what: string) => Block
  #encoder: GPUCommandEncoder | undefined
  #pass: GPUComputePassEncoder | undefined
  #pipeline: Pipeline | undefined
  /** Bytes of the ring in use. */
  #used = 0
  #recorded = 0
  #dispatches = 0
  #submissions = 0
  #parameterBytes = 0
  #names: Set<string> = new Set()
  /** Called before a recording begins: another recorder of the queue submits what it has. */
  onBegin: () => void = () => {}
  /** Called after a submission. */
  onSubmit: () => void = () => {}

  constructor(
    device: GPUDevice,
    limits: Limits,
    failures: Failures,
    blockOf: (buffer: DeviceBuffer, what: string) => Block,
  ) {
    this.#device = device
    this.#limits = limits
    this.#failures = failures
    this.#blockOf = blockOf
    this.#pipelines = new Pipelines(device, failures)
    this.#alignment = Math.max(16, device.limits.minUniformBufferOffsetAlignment)
    this.#ring = device.createBuffer({
      label: 'parameters',
      size: ringBytes,
      usage: bufferUsage.uniform | bufferUsage.copyTarget,
    })
  }

  get stats(): RecorderStats {
    return {
      dispatches: this.#dispatches,
      submissions: this.#submissions,
      compiled: this.#pipelines.compiled,
      parameterBytes: this.#parameterBytes,
    }
  }

  dispatch({ kernel, buffers, params, groups }: Dispatch): void {
    const { name } = kernel
    const [x, y, z] = groups
    const most = this.#limits.maxComputeWorkgroupsPerDimension
    if (!(x <= most && y <= most && z <= most))
      throw new DeviceError(
        `${name}: ${x} x ${y} x ${z} workgroups; the device runs at most ${most} on each axis`,
      )
    const pipeline = this.#pipelines.get(kernel)
    if (buffers.length !== pipeline.buffers)
      throw new DeviceError(
        `${name}: ${buffers.length} buffers came; the shader binds ${pipeline.buffers}`,
      )
    const bindable = this.#limits.maxStorageBuffersPerShaderStage
    if (buffers.length > bindable)
      throw new DeviceError(
        `${name}: ${buffers.length} buffers; a shader of this device binds at most ${bindable}`,
      )
    if (x * y * z === 0) return

    const bytes = pipeline.hasParams ? Math.max(16, Math.ceil(params.length / 4) * 16) : 0
    if (bytes > Math.min(ringBytes, this.#limits.maxUniformBufferBindingSize))
      throw new DeviceError(`${name}: ${params.length} parameters are too many for a uniform`)
    if (this.#used + bytes > ringBytes || this.#recorded >= longSubmission) this.flush()
    this.#begin()

    const blocks = this.#blocks
    blocks.length = 0
    for (const buffer of buffers) {
      const block = this.#blockOf(buffer, name)
      block.lastUse = this.#submissions
      blocks.push(block)
    }
    const { group } = this.#bind(name, pipeline, blocks, bytes)
    const pass = this.#pass!
    if (this.#pipeline !== pipeline) {
      pass.setPipeline(pipeline.gpu)
      this.#pipeline = pipeline
    }
    if (bytes > 0) {
      this.#words.set(params, this.#used / 4)
      pass.setBindGroup(0, group, [this.#used])
      this.#used += Math.ceil(bytes / this.#alignment) * this.#alignment
    } else pass.setBindGroup(0, group)
    pass.dispatchWorkgroups(x, y, z)
    this.#names.add(name)
    this.#recorded++
    this.#dispatches++
  }

  /** Whether commands that have not been submitted use this memory. */
  uses(block: Block): boolean {
    return block.lastUse === this.#submissions
  }

  /** Records a copy between whole buffers. */
  copy(from: GPUBuffer, to: GPUBuffer, bytes: number): void {
    this.#begin()
    this.#endPass()
    this.#encoder!.copyBufferToBuffer(from, 0, to, 0, bytes)
  }

  get hasRecorded(): boolean {
    return this.#encoder !== undefined
  }

  /** Submits what has been recorded. */
  flush(): void {
    const encoder = this.#encoder
    if (!encoder) return
    this.#endPass()
    // The device validates a recording as a whole; its messages carry the kernels' labels.
    const names = [...this.#names].slice(0, 8).join(', ')
    this.#failures.watch(names || 'copy', () => {
      if (this.#used > 0)
        this.#device.queue.writeBuffer(this.#ring, 0, this.#words, 0, this.#used / 4)
      this.#device.queue.submit([encoder.finish()])
    })
    this.#encoder = undefined
    this.#parameterBytes += this.#used
    this.#used = 0
    this.#recorded = 0
    this.#names = new Set()
    this.#submissions++
    this.onSubmit()
  }

  /** Forgets bind groups: some of their buffers were destroyed. */
  forgetBindGroups(): void {
    this.#bound.clear()
    this.#last = undefined
  }

  destroy(): void {
    this.#encoder = undefined
    this.#pass = undefined
    this.forgetBindGroups()
    this.#ring.destroy()
  }

  #begin(): void {
    if (!this.#encoder) {
      this.onBegin()
      this.#encoder = this.#device.createCommandEncoder({ label: 'nabla' })
    }
    if (!this.#pass) {
      this.#pass = this.#encoder.beginComputePass()
      this.#pipeline = undefined
    }
  }

  #endPass(): void {
    this.#pass?.end()
    this.#pass = undefined
  }

  /** The bind group for these buffers, found where it stood the last time, or anywhere, or made. */
  #bind(name: string, pipeline: Pipeline, blocks: readonly Block[], bytes: number): Bound {
    const last = this.#last
    let bound = last?.next
    if (!(bound && isFor(bound, pipeline, blocks, bytes))) {
      let key = `${pipeline.id}:${bytes}`
      for (const { id } of blocks) key += `,${id}`
      bound = this.#bound.get(key)
      if (!bound) {
        if (this.#bound.size >= mostBindGroups) this.forgetBindGroups()
        const group = this.#group(name, pipeline, blocks, bytes)
        bound = { pipeline, blocks: [...blocks], bytes, group, next: undefined }
        this.#bound.set(key, bound)
      }
      if (last) last.next = bound
    }
    this.#last = bound
    return bound
  }

  #group(
    name: string,
    { layout }: Pipeline,
    blocks: readonly Block[],
    uniformBytes: number,
  ): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = blocks.map(({ gpu }, binding) => ({
      binding,
      resource: { buffer: gpu },
    }))
    if (uniformBytes > 0)
      entries.push({
        binding: blocks.length,
        resource: { buffer: this.#ring, size: uniformBytes },
      })
    return this.#failures.watch(name, () =>
      this.#device.createBindGroup({ label: name, layout, entries }),
    )
  }
}

function isFor(bound: Bound, pipeline: Pipeline, blocks: readonly Block[], bytes: number): boolean {
  if (bound.pipeline !== pipeline || bound.bytes !== bytes) return false
  for (let i = 0; i < blocks.length; i++) if (bound.blocks[i] !== blocks[i]) return false
  return true
}
