/**
 * Lifetimes: the one place that knows when device memory goes back.
 *
 * A {@link Storage} is a buffer with a count of the tensors and graph nodes that use it. A tensor
 * made inside a {@link scope} is disposed when the scope ends, unless it is returned, kept or moved
 * out; one made outside is disposed by hand or, at the latest, by the garbage collector. Algorithms
 * never mention memory.
 */
import type { Backend, DeviceBuffer } from './backend.ts'
import { GraphError } from './errors.ts'

/** A device buffer and how many hold it; freed when the last hold is released. */
export class Storage {
  readonly backend: Backend
  readonly buffer: DeviceBuffer
  /** Counts in-place writes, so that the backward pass can tell a saved value from a changed one. */
  version = 0
  #holders = 1

  constructor(backend: Backend, buffer: DeviceBuffer) {
    this.backend = backend
    this.buffer = buffer
  }

  retain(): this {
    this.#holders++
    return this
  }

  release(): void {
    if (--this.#holders === 0) this.backend.free(this.buffer)
  }
}

/** Anything that holds device memory and can let it go. */
export interface Resource {
  /** @internal The scope that will dispose it. */
  home: Scope | undefined
  dispose(): void
  /** @internal What to release when the resource itself is gone; must not refer to it. */
  holdings(): () => void
}

let current: Scope | undefined

/**
 * Frees, when it ends, everything made while it was the innermost scope.
 *
 * @example
 * ```ts
 * using s = scope()
 * const hidden = x.matmul(w).relu()   // freed at the end of the block
 * const y = s.keep(hidden.sum())      // lives on
 * ```
 */
export class Scope implements Disposable {
  readonly #outer: Scope | undefined
  #members: Resource[] = []
  #ended = false

  /** @internal Use {@link scope}. */
  constructor() {
    this.#outer = current
    current = this
  }

  /** @internal */
  add(resource: Resource): void {
    resource.home = this
    this.#members.push(resource)
  }

  /** Hands everything held in `value` to the scope around this one (or to the caller's care) and returns it. */
  keep<T>(value: T): T {
    visitResources(value, (resource) => {
      if (resource.home === this) move(resource, this.#outer)
    })
    return value
  }

  [Symbol.dispose](): void {
    if (this.#ended) return
    this.#ended = true
    if (current === this) current = this.#outer
    for (const resource of this.#members) if (resource.home === this) resource.dispose()
    this.#members = []
  }
}

function move(resource: Resource, to: Scope | undefined): void {
  if (to) to.add(resource)
  else {
    resource.home = undefined
    guard(resource)
  }
}

/** A container that holds tensors in fields of its own: a module, an optimizer. */
export interface Holder {
  /** @internal Everything to be found in it: tensors, or values that hold some. */
  held(): Iterable<unknown>
}

/** Finds every resource in a tensor, an array, a plain object, a Map, or a {@link Holder}. */
export function visitResources(value: unknown, visit: (resource: Resource) => void): void {
  if (typeof value !== 'object' || value === null) return
  // Holders first: a module may well have a field called `home`.
  if ('held' in value) for (const part of (value as Holder).held()) visitResources(part, visit)
  else if ('home' in value && 'dispose' in value) visit(value as Resource)
  else if (Array.isArray(value)) for (const part of value) visitResources(part, visit)
  else if (value instanceof Map) for (const part of value.values()) visitResources(part, visit)
  else if (Object.getPrototypeOf(value) === Object.prototype)
    for (const part of Object.values(value)) visitResources(part, visit)
}

/**
 * Opens a scope; with a function, runs it and frees every tensor made inside but those in its
 * result (a tensor, or tensors in arrays, plain objects and modules).
 *
 * Scopes nest and belong to synchronous code: a function that returns a promise is refused, because
 * what runs between its `await`s could not be told apart from it. Read results outside, or open a
 * scope around each synchronous part.
 *
 * @throws GraphError when the function is asynchronous.
 * @example
 * ```ts
 * const y = scope(() => x.sub(x.mean()).square().mean())   // one tensor remains
 * ```
 */
export function scope(): Scope
export function scope<T>(body: () => T): T
export function scope<T>(body?: () => T): T | Scope {
  if (!body) return new Scope()
  const own = new Scope()
  try {
    const result = body()
    if (result instanceof Promise)
      throw new GraphError(
        'scope: the function is asynchronous; await outside, or open a scope around each synchronous part',
      )
    return own.keep(result)
  } finally {
    own[Symbol.dispose]()
  }
}

/** Takes everything held in `value` out of all scopes: from now on it is freed by `dispose()` or the garbage collector. */
export function keep<T>(value: T): T {
  visitResources(value, (resource) => {
    if (resource.home) move(resource, undefined)
  })
  return value
}

/**
 * Frees ahead of time what the innermost scope would free at its end: an intermediate result that is
 * not needed any more. What was kept, or comes from outside of that scope, stays.
 */
export function release(value: unknown): void {
  visitResources(value, (resource) => {
    if (current && resource.home === current) resource.dispose()
  })
}

/** Disposes everything held in `value`. */
export function dispose(value: unknown): void {
  visitResources(value, (resource) => resource.dispose())
}

/** @internal Puts a new resource under the innermost scope, or under the garbage collector's eye. */
export function adopt(resource: Resource): void {
  if (current) current.add(resource)
  else guard(resource)
}

/** @internal Takes a resource out of `from`, to be disposed by the caller; false when it is not there. */
export function disown(resource: Resource, from: Scope): boolean {
  if (resource.home !== from) return false
  resource.home = undefined
  return true
}

const collected = new FinalizationRegistry<() => void>((release) => release())

/** @internal Leaves a resource to the garbage collector, as a last resort. */
export function guard(resource: Resource): void {
  collected.register(resource, resource.holdings(), resource)
}

/** @internal */
export function unguard(resource: Resource): void {
  collected.unregister(resource)
}
