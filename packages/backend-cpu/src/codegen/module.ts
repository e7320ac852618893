/** The functions of one generated module, and how they become a callable kernel. */
import type { Run } from '../threads/control.ts'
import type { Kernel } from '../threads/pool.ts'
import { assemble, type FunctionBuilder, type MemoryType } from './wasm.ts'

/** A compiled kernel, with its binary for other threads to compile. */
export interface GeneratedKernel extends Kernel {
  readonly code: Uint8Array<ArrayBuffer>
}

export class ModuleBuilder {
  readonly #functions: FunctionBuilder[] = []
  readonly #helpers = new Map<string, number>()

  /** The index of a function that several instructions share, built when first asked for. */
  helper(name: string, build: () => FunctionBuilder): number {
    const known = this.#helpers.get(name)
    if (known !== undefined) return known
    const index = this.#functions.push(build()) - 1
    this.#helpers.set(name, index)
    return index
  }

  compile(run: FunctionBuilder, memory: WebAssembly.Memory, type: MemoryType): GeneratedKernel {
    const code = assemble([...this.#functions, run], type)
    // Synchronous on purpose: a few hundred bytes compile faster than a promise turns around.
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), { m: { m: memory } })
    return { run: exports['run'] as Run, code }
  }
}
