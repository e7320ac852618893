/** The functions of one generated module, and how they become a callable kernel. */
import { assemble, type FunctionBuilder, type MemoryType } from './wasm.ts'

/**
 * A compiled kernel. `descriptor` is the address of its parameter block; `start` and `end` are the
 * part of the outermost loop to run.
 */
export type Run = (descriptor: number, start: number, end: number) => void

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

  compile(run: FunctionBuilder, memory: WebAssembly.Memory, type: MemoryType): Run {
    // Synchronous on purpose: a few hundred bytes compile faster than a promise turns around.
    const module = new WebAssembly.Module(assemble([...this.#functions, run], type) as BufferSource)
    return new WebAssembly.Instance(module, { m: { m: memory } }).exports['run'] as Run
  }
}
