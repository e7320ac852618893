/** The special kernels of the device: one line each. What is not here runs as a composition of `map` and `reduce`. */
import type { Kernels } from '@nablajs/tensor/backend'
import type { Runtime } from '../runtime/kernel.ts'
import { conv2dGradInputKernel, conv2dKernel } from './conv2d.ts'
import { conv2dGradWeightKernel } from './conv2d-weight.ts'
import { cumulativeKernel } from './cumulative.ts'
import { gatherKernel } from './gather.ts'
import { addmmKernel, matmulKernel } from './matmul.ts'
import { maxPool2dKernel, sumPool2dGradKernel, sumPool2dKernel } from './pool.ts'
import { scatterAddKernel } from './scatter.ts'
import { sortKernel } from './sort.ts'

/** All kernels of the contract. */
export type WebGpuKernels = Kernels

const makers = {
  matmul: matmulKernel,
  addmm: addmmKernel,
  conv2d: conv2dKernel,
  conv2dGradInput: conv2dGradInputKernel,
  conv2dGradWeight: conv2dGradWeightKernel,
  maxPool2d: maxPool2dKernel,
  sumPool2d: sumPool2dKernel,
  sumPool2dGrad: sumPool2dGradKernel,
  gather: gatherKernel,
  scatterAdd: scatterAddKernel,
  sort: sortKernel,
  cumulative: cumulativeKernel,
} satisfies { [Name in keyof WebGpuKernels]: (runtime: Runtime) => Kernels[Name] }

/** Those that take f16. */
export const halfKernels: ReadonlySet<keyof WebGpuKernels> = new Set<keyof WebGpuKernels>([
  'matmul',
  'addmm',
  'conv2d',
  'conv2dGradInput',
  'conv2dGradWeight',
  'maxPool2d',
  'sumPool2d',
  'sumPool2dGrad',
  'gather',
])

/** The kernels, recording on a runtime. */
export function webgpuKernels(runtime: Runtime): WebGpuKernels {
  return Object.fromEntries(
    Object.entries(makers).map(([name, make]) => [name, make(runtime)]),
  ) as unknown as WebGpuKernels
}
