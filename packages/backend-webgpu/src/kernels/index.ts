/** The special kernels of the device: one line each. What is not here runs as a composition of `map` and `reduce`. */
import type { Kernels } from '@nablajs/tensor/backend'
import type { Runtime } from '../runtime/kernel.ts'

/** The kernels, recording on a runtime. */
export function webgpuKernels(_runtime: Runtime): Partial<Kernels> {
  return {}
}
