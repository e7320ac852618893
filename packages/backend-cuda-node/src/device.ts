/** What kernels need of their device: memory, compilation and launches, in one place. */
import { bytesOf, type DType, type View } from '@nablajs/tensor/backend'
import type { Compiler } from './compile.ts'
import type { Context, Kernel } from './context.ts'
import type { Pool } from './pool.ts'

export class Device {
  readonly context: Context
  readonly pool: Pool
  readonly compiler: Compiler

  readonly #named: Map<string, Kernel> = new Map()

  constructor(context: Context, pool: Pool, compiler: Compiler) {
    this.context = context
    this.pool = pool
    this.compiler = compiler
  }

  /** The address of a view's first element. */
  address(view: View, what: string): number {
    const buffer = this.pool.own(view.buffer, what)
    this.pool.use(buffer)
    return buffer.address + bytesOf(view.dtype) * view.offset
  }

  /** Adds scalars to the parameters of the launch being prepared. */
  scalars(dtypes: readonly DType[], values: readonly number[]): void {
    this.context.scalars(dtypes, values)
  }

  /** A kernel of a source, by the name of its op. */
  kernel(source: string, entry: string, name: string): Kernel {
    return this.compiler.kernel(source, entry, name)
  }

  /**
   * The hand-written kernel called `entry`.
   *
   * @param source Makes its text, at first use.
   */
  cached(entry: string, name: string, source: () => string): Kernel {
    let kernel = this.#named.get(entry)
    if (!kernel) {
      kernel = this.kernel(source(), entry, name)
      this.#named.set(entry, kernel)
    }
    return kernel
  }
}
