/**
 * The C functions that this package calls, as one typed table: the bindings, the check against
 * NVIDIA's headers and the export list of anything that stands in for the libraries come from it.
 * Published as `@nablajs/backend-cuda-node/api`.
 *
 * Handles, device addresses and pointers to host memory are passed as Numbers (see `types.ts`).
 *
 * @packageDocumentation
 */
export { headerCheck, symbolsOf } from './check.ts'
export { cublasApi } from './cublas.ts'
export { cublasLtApi } from './cublas-lt.ts'
export { cudnnApi } from './cudnn.ts'
export { driverApi } from './driver.ts'
export { nvrtcApi } from './nvrtc.ts'
export type { Bound, CType, Declaration, LibraryDeclaration, Passing } from './types.ts'
export { cTypes } from './types.ts'
