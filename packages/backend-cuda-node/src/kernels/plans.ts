/** What a library was asked once about a shape, and told: descriptors, the algorithm, its workspace. */

/** Plans kept; programs have as many shapes as layers, as a rule. */
const mostPlans = 1024

/** Plans by shape; `undefined` where the library will not do. The oldest go first. */
export class Plans<P> {
  readonly #plans: Map<string, P | undefined> = new Map()
  readonly #destroy: (plan: P) => void

  constructor(destroy: (plan: P) => void) {
    this.#destroy = destroy
  }

  /** The plan of `key`, made at the first call. */
  get(key: string, make: () => P | undefined): P | undefined {
    const known = this.#plans.get(key)
    if (known || this.#plans.has(key)) return known
    if (this.#plans.size === mostPlans) {
      const [[oldest, forgotten]] = this.#plans as unknown as [[string, P | undefined]]
      this.#plans.delete(oldest)
      if (forgotten) this.#destroy(forgotten)
    }
    const plan = make()
    this.#plans.set(key, plan)
    return plan
  }

  /** From now on there is no plan for `key`. */
  refuse(key: string): void {
    const plan = this.#plans.get(key)
    this.#plans.set(key, undefined)
    if (plan) this.#destroy(plan)
  }

  clear(): void {
    for (const plan of this.#plans.values()) if (plan) this.#destroy(plan)
    this.#plans.clear()
  }
}
