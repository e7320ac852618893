/**
 * The special kernels of the CPU: hand-written WebAssembly for matrix products, convolutions, pools,
 * indexing, sorting and scans. They take f32 values (the last three any 32-bit elements) and check
 * nothing: shapes, dtypes and index ranges are the caller's.
 */
import type { Kernels } from '@nablajs/tensor/backend'
import { namesOf } from '../threads/control.ts'
import type { Kernel } from '../threads/pool.ts'
import { conv2dGradInputKernel, conv2dKernel } from './conv2d.ts'
import { conv2dGradWeightKernel } from './conv2d-grad-weight.ts'
import { cumulativeKernel } from './cumulative.ts'
import { gatherKernel, scatterAddKernel } from './gather.ts'
import { loadKernels, type RangeKernel } from './load.ts'
import { matmulKernel } from './matmul.ts'
import { maxPool2dKernel, sumPool2dGradKernel, sumPool2dKernel } from './pool.ts'
import type { Context, KernelRuntime } from './runtime.ts'
import { sortKernel } from './sort.ts'

export type { KernelRuntime } from './runtime.ts'

/** All but the product with a sum, which is not faster than the two in turn. */
export type CpuKernels = Omit<Kernels, 'addmm'>

const makers = {
  matmul: matmulKernel,
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
} satisfies { [Name in keyof CpuKernels]: (context: Context) => CpuKernels[Name] }

/** Makes the functions of a compiled module work on the runtime's memory. */
export async function createContext(
  runtime: KernelRuntime,
  module: WebAssembly.Module,
): Promise<Context> {
  const wasm = await loadKernels(module, runtime.memory)
  const shareable = Object.fromEntries(
    namesOf(module).map((name, id) => [name, { run: wasm[name as RangeKernel], id, address: 0 }]),
  ) as Record<RangeKernel, Kernel>
  return {
    memory: runtime.memory,
    shared: runtime.shared,
    pool: runtime.pool,
    shareable,
    scratch: (bytes) => runtime.scratch(bytes),
    release: (pointer) => runtime.release(pointer),
    pointer: (view) => runtime.pointer(view),
    wasm,
  }
}

export function createKernels(context: Context): CpuKernels {
  return Object.fromEntries(
    Object.entries(makers).map(([name, make]) => [name, make(context)]),
  ) as unknown as CpuKernels
}
