/**
 * Waiting without keeping a processor busy. While a promise of Dawn is open in Node, Dawn asks the GPU in
 * every turn of the event loop whether it is done: it calls the global `setImmediate` with a function
 * that asks, and that calls `setImmediate` again. That takes all of one processor, and a software GPU
 * does its work on the same ones.
 *
 * So for the length of the call that begins to wait, and of each call of the function that asks, there is
 * a `setImmediate` of ours; nobody else runs meanwhile. Short waits are asked for in every turn as
 * before, and longer ones every millisecond. Where WebGPU waits otherwise, as in browsers, nothing
 * changes.
 */

type Ask = (...args: unknown[]) => void
type Schedule = (ask: Ask, ...args: unknown[]) => unknown

const globals = globalThis as { setImmediate?: Schedule }

export class Waiting {
  readonly #eager: number
  #open = 0
  #changed = 0

  /** For `eager` milliseconds after a wait began or ended the GPU is asked in every turn. */
  constructor(eager: number) {
    this.#eager = eager
  }

  /** The promise that `begin` makes. */
  async for<T>(begin: () => Promise<T>): Promise<T> {
    this.#open++
    this.#changed = performance.now()
    try {
      return await this.#calmly(begin)
    } finally {
      this.#open--
      this.#changed = performance.now()
    }
  }

  /** Runs `body` with a `setImmediate` that may take its time. */
  #calmly<T>(body: () => T): T {
    const { setImmediate } = globals
    if (!setImmediate) return body()
    globals.setImmediate = (ask, ...args) => {
      // Whoever else waits, on a device beside ours, does so as always.
      if (this.#open === 0) return setImmediate(ask, ...args)
      const again = (): void => this.#calmly(() => ask(...args))
      const isEager = performance.now() - this.#changed < this.#eager
      return isEager ? setImmediate(again) : setTimeout(again, 1)
    }
    try {
      return body()
    } finally {
      globals.setImmediate = setImmediate
    }
  }
}
