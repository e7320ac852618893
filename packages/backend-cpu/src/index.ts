/**
 * The CPU as a device of nabla: WebAssembly SIMD, in Node and in browsers.
 *
 * @packageDocumentation
 */
export { type CpuBackend, type CpuDescription, type CpuOptions, cpu } from './cpu.ts'
export type { LibraryChoice, NativeLibrary } from './native/types.ts'
