import { ArgumentError, release, type Tensor } from '@nablajs/tensor'
import { Module } from '../module.ts'

/**
 * Modules one after the other: each takes what the one before gave.
 *
 * Children are named by their position (`'0.weight'`), or by the keys of an object.
 *
 * @example
 * ```ts
 * const net = new Sequential(new Flatten(), new Linear(64, 10))
 * const same = new Sequential({ flat: new Flatten(), head: new Linear(64, 10) })
 * same.stateDict()['head.weight']
 * ```
 */
export class Sequential extends Module implements Iterable<Module> {
  readonly #modules = new Map<string, Module>()

  constructor(...modules: readonly Module[] | [modules: Readonly<Record<string, Module>>]) {
    super()
    for (const entry of modules)
      if (entry instanceof Module) this.append(entry)
      else for (const [name, module] of Object.entries(entry)) this.add(name, module)
  }

  /** @throws ArgumentError when the name is taken, empty, or has a dot. */
  add(name: string, module: Module): this {
    if (this.#modules.has(name) || name === '' || name.includes('.'))
      throw new ArgumentError(
        `Sequential.add: "${name}" ${this.#modules.has(name) ? 'is there already' : 'is no name: it must not be empty or have dots'}`,
      )
    this.#modules.set(name, module)
    return this
  }

  /** Adds a module at the end, named by its position. */
  append(module: Module): this {
    return this.add(String(this.#modules.size), module)
  }

  get length(): number {
    return this.#modules.size
  }

  /** The module at a position; negative ones count from the end. */
  at(position: number): Module | undefined {
    return [...this.#modules.values()].at(position)
  }

  /** The module of a name. */
  get(name: string): Module | undefined {
    return this.#modules.get(name)
  }

  [Symbol.iterator](): Iterator<Module> {
    return this.#modules.values()
  }

  protected override entries(): Iterable<readonly [name: string, value: unknown]> {
    return this.#modules
  }

  forward(x: Tensor): Tensor {
    for (const module of this.#modules.values()) {
      const y = module.forward(x)
      // Without gradients nobody needs it any more, and a chain is long.
      if (y !== x) release(x)
      x = y
    }
    return x
  }
}
