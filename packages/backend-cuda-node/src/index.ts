/**
 * The CUDA backend of nabla for Node: see the README.
 *
 * @packageDocumentation
 */
export type { CudaBackend } from './backend.ts'
export { type CudaOptions, cuda } from './cuda.ts'
export type { Graph } from './graph.ts'
export type { Environment, LibraryName } from './libraries.ts'
export {
  type CudaDescription,
  describe,
  type GpuDescription,
  type Located,
} from './locate.ts'
export { compileFor } from './offline.ts'
