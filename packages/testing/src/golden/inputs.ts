/** The inputs of a case as tensors, remembering which of them were used. */
import type { Tensor } from '@nablajs/tensor'
import { Unsupported } from './report.ts'

export class CaseInputs {
  readonly #tensors: ReadonlyMap<string, Tensor>
  readonly #used = new Set<string>()

  constructor(tensors: ReadonlyMap<string, Tensor>) {
    this.#tensors = tensors
  }

  optional(name: string): Tensor | undefined {
    this.#used.add(name)
    return this.#tensors.get(name)
  }

  get(name: string): Tensor {
    const found = this.optional(name)
    if (!found) throw new Unsupported(`there is no input ${name}`)
    return found
  }

  /** All inputs in order, for ops that take a list. */
  all(): Tensor[] {
    return [...this.#tensors.keys()].map((name) => this.get(name))
  }

  /** Refuses the case if it has an input that was not asked for. */
  finish(): void {
    const unknown = [...this.#tensors.keys()].filter((name) => !this.#used.has(name))
    if (unknown.length > 0) throw new Unsupported(`input ${unknown.join(', ')}`)
  }
}
