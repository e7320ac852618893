/** The special kernels. Shapes, dtypes and index ranges are the caller's; nothing is checked here. */
import type { Kernels } from '@nablajs/tensor/backend'
import type { Dnn } from '../cudnn.ts'
import type { Device } from '../device.ts'
import type { Blas } from './blas.ts'
import type { BlasLt } from './blas-lt.ts'
import { conv2dGradInputKernel, conv2dGradWeightKernel, conv2dKernel } from './conv2d.ts'
import { cumulativeKernel } from './cumulative.ts'
import { gatherKernel } from './gather.ts'
import { addmmKernel, matmulKernel } from './matmul.ts'
import { maxPool2dKernel, sumPool2dGradKernel, sumPool2dKernel } from './pool2d.ts'
import { scatterAddKernel } from './scatter.ts'
import { sortKernel } from './sort.ts'

/** The libraries that kernels use where they are there. */
export interface KernelLibraries {
  readonly blas: Blas | undefined
  readonly lt: BlasLt | undefined
  readonly dnn: Dnn | undefined
}

const makers = {
  matmul: (device, { blas }) => matmulKernel(device, blas),
  addmm: (device, { blas, lt }) => addmmKernel(device, blas, lt),
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
} satisfies {
  [Name in keyof Kernels]: (device: Device, libraries: KernelLibraries) => Kernels[Name]
}

/** The kernels that take halves. */
export const halfKernels: ReadonlySet<keyof Kernels> = new Set<keyof Kernels>([
  'matmul',
  'addmm',
  'conv2d',
  'conv2dGradInput',
  'conv2dGradWeight',
  'maxPool2d',
  'sumPool2d',
  'sumPool2dGrad',
  'gather',
  'scatterAdd',
  'sort',
  'cumulative',
])

/** All kernels of a device. Each checks that the device still works before it starts. */
export function createKernels(device: Device, libraries: KernelLibraries): Kernels {
  return Object.fromEntries(
    Object.entries(makers).map(([name, make]) => {
      const run = make(device, libraries) as (...args: unknown[]) => void
      return [
        name,
        (...args: unknown[]) => {
          device.context.enter(name)
          run(...args)
        },
      ]
    }),
  ) as unknown as Kernels
}
