/**
 * The special kernels of the CPU: hand-written WebAssembly for matrix products, convolutions, pools,
 * indexing, sorting and scans. They take f32 values (the last three any 32-bit elements) and check
 * nothing: shapes, dtypes and index ranges are the caller's.
 */
import type { Kernels } from '@nablajs/tensor/backend'
import { conv2dGradInputKernel, conv2dGradWeightKernel, conv2dKernel } from './conv2d.ts'
import { cumulativeKernel } from './cumulative.ts'
import { gatherKernel, scatterAddKernel } from './gather.ts'
import { compileKernels, hasRelaxedSimd, loadKernels } from './load.ts'
import { matmulKernel } from './matmul.ts'
import { maxPool2dKernel, sumPool2dGradKernel, sumPool2dKernel } from './pool.ts'
import type { Context, KernelRuntime } from './runtime.ts'
import { sortKernel } from './sort.ts'

export type { KernelRuntime } from './runtime.ts'

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
} satisfies { [Name in keyof Kernels]: (context: Context) => Kernels[Name] }

/** Compiles the kernels for the runtime's memory. `relaxed` picks the binary with fused multiply-add. */
export async function createKernels(
  runtime: KernelRuntime,
  relaxed: boolean = hasRelaxedSimd(),
): Promise<Kernels> {
  const module = await compileKernels(runtime.shared, relaxed)
  const wasm = await loadKernels(module, runtime.memory)
  const context: Context = {
    memory: runtime.memory,
    shared: runtime.shared,
    scratch: (bytes) => runtime.scratch(bytes),
    release: (pointer) => runtime.release(pointer),
    pointer: (view) => runtime.pointer(view),
    wasm,
  }
  return Object.fromEntries(
    Object.entries(makers).map(([name, make]) => [name, make(context)]),
  ) as unknown as Kernels
}
