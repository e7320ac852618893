/**
 * The CPU as a device of nabla: WebAssembly SIMD, in Node and in browsers.
 *
 * @packageDocumentation
 */
export { type CpuOptions, cpu } from './cpu.ts'
