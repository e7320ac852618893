/**
 * WebGPU as a device, in browsers and in Node.
 *
 * @packageDocumentation
 */
export { WebGpuBackend, type WebGpuStats } from './backend.ts'
export { type WebGpuOptions, webgpu } from './open.ts'
export type { Dispatch, Features, KernelSource, Limits, Runtime } from './runtime/kernel.ts'
