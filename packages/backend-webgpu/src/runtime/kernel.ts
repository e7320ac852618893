/**
 * What a kernel file sees of the device: a module of WGSL, the buffers and numbers of one call, and a
 * runtime that records calls in order.
 *
 * A file in `kernels/` checks nothing that the op has checked already; it chooses a shader for the
 * shapes at hand, and calls {@link Runtime.dispatch}. Shaders are cached by their text, so code is
 * written with as few numbers in it as its speed allows, and the others travel as parameters.
 */
import type { DeviceBuffer } from '@nablajs/tensor/backend'

/**
 * A WGSL module with one entry point, `main`. Bindings are those of group 0: the buffers of the call
 * from 0 on, as `var<storage, read>` or `var<storage, read_write>`, and after them the parameters as
 * `var<uniform>`, where there are any. `enable` directives come first, as WGSL wants them; which
 * ones a device has is in {@link Runtime.features}.
 */
export interface KernelSource {
  /** The op, for error messages, profiles and the debugger: `matmul`, `conv2d`. */
  readonly name: string
  /** The whole module; equal texts are compiled once. */
  readonly code: string
}

/** One run of a kernel. */
export interface Dispatch {
  readonly kernel: KernelSource
  /**
   * Bindings 0 .. n-1, whole buffers: where a view starts and how it strides are parameters, counted
   * in elements. Each buffer once: WebGPU refuses one that is both read and written by two bindings.
   */
  readonly buffers: readonly DeviceBuffer[]
  /**
   * Binding n as 32-bit words (floats bit-cast, see {@link floatBits}), filled up to a multiple of
   * 16 bytes; a module that declares no uniform gets none. The words are copied before the call returns.
   */
  readonly params: Uint32Array | Int32Array
  /** Workgroups on each axis, each at most `limits.maxComputeWorkgroupsPerDimension`. */
  readonly groups: readonly [x: number, y: number, z: number]
}

/** The extensions of WGSL that a device has. */
export interface Features {
  /** The `subgroups` extension; `enable subgroups;` is allowed. */
  readonly subgroups: boolean
  /** The smallest and largest size that a subgroup may have; 0 without subgroups. */
  readonly subgroupMinSize: number
  readonly subgroupMaxSize: number
  /** The `shader-f16` extension; `enable f16;` is allowed. */
  readonly f16: boolean
  /** Whether the GPU is the processor (SwiftShader, llvmpipe): it runs few workgroups at a time. */
  readonly software: boolean
}

/** The limits that kernels choose their sizes by; WebGPU's names. */
export interface Limits {
  readonly maxStorageBuffersPerShaderStage: number
  readonly maxStorageBufferBindingSize: number
  readonly maxBufferSize: number
  readonly maxUniformBufferBindingSize: number
  readonly maxComputeWorkgroupsPerDimension: number
  readonly maxComputeInvocationsPerWorkgroup: number
  readonly maxComputeWorkgroupSizeX: number
  readonly maxComputeWorkgroupSizeY: number
  readonly maxComputeWorkgroupSizeZ: number
  readonly maxComputeWorkgroupStorageSize: number
}

/** The device as kernels see it: what it can do, and recording work on it. */
export interface Runtime {
  readonly limits: Limits
  readonly features: Features
  /** Records one run after all work recorded before; it sees what that has written. */
  dispatch(call: Dispatch): void
  /** Memory for intermediate results, not counted as a tensor's; holds garbage. */
  scratch(bytes: number): DeviceBuffer
  /** Gives {@link scratch} back; by the order of work it may be used again at once. */
  release(buffer: DeviceBuffer): void
}

const word = new DataView(new ArrayBuffer(4))

/** A number as the word of its f32 bits, for {@link Dispatch.params}. */
export function floatBits(value: number): number {
  word.setFloat32(0, value)
  return word.getUint32(0)
}
