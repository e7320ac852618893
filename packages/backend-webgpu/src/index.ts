/**
 * WebGPU as a device, in browsers and in Node.
 *
 * @packageDocumentation
 */
export type { Dispatch, Features, KernelSource, Limits, Runtime } from './runtime/kernel.ts'
