/**
 * The lifetime of a batch: from the moment it is handed out until the next one is asked for.
 *
 * A `scope` cannot stay open that long, as it belongs to synchronous code and the body of a
 * `for await` is not: it would take in what other code makes in between. So the loader marks the
 * tensors of its batch with a home of their own, which `keep()` takes away as it does from a scope.
 */
import { type Scope, scope, Tensor } from '@nablajs/tensor'

/** Tensors in arrays, plain objects and maps. */
function* tensorsIn(value: unknown): Generator<Tensor> {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return
  if (value instanceof Tensor) yield value
  else for (const part of partsOf(value)) yield* tensorsIn(part)
}

function partsOf(value: object): Iterable<unknown> {
  if (Array.isArray(value)) return value
  if (value instanceof Map) return value.values()
  return Object.getPrototypeOf(value) === Object.prototype ? Object.values(value) : []
}

/** Holds the tensors of one batch after another. */
export class BatchOwner {
  readonly #home: Scope
  #batch: Tensor[] = []

  constructor() {
    // An ended scope adopts nothing by itself.
    this.#home = scope()
    this.#home[Symbol.dispose]()
  }

  /** Makes a batch: of the tensors made on the way, those in the result become the owner's, the others are freed. */
  make<T>(body: () => T): T {
    const own = scope()
    try {
      const value = body()
      for (const t of tensorsIn(value)) if (t.home === own) this.#take(t)
      return value
    } finally {
      own[Symbol.dispose]()
    }
  }

  /** Frees the tensors of the batch but those that have been kept. */
  release(): void {
    for (const t of this.#batch) if (t.home === this.#home) t.dispose()
    this.#batch = []
  }

  #take(t: Tensor): void {
    t.home = this.#home
    this.#batch.push(t)
  }
}
