/**
 * Waiting without keeping a processor busy. While a promise of Dawn is open in Node, Dawn asks the GPU in
 * every turn of the event loop whether it is done: it calls the global `setImmediate` with a function
 * that asks, and that calls `setImmediate` again. That takes all of one processor, and a software GPU
 * does its work on the same ones.
 *
 * So for the length of the call that begins to wait, and of each call of the function that asks, there is
 * a `setImmediate` of ours. Beside Dawn only its event listeners run meanwhile; what they plan comes in
 * its turn, or a millisecond late. Short waits are asked for in every turn as before, and longer ones every
 * millisecond. Where WebGPU waits otherwise, as in browsers, nothing changes.
 */

type Ask = (...args: unknown[]) => void

/** What waits are made of. */
export interface Clock {
  readonly setImmediate?: (ask: Ask) => unknown
  readonly setTimeout: (ask: Ask, ms: number) => unknown
  readonly now: () => number
}

const globals = globalThis as { setImmediate?: (ask: Ask, ...args: unknown[]) => unknown }

/** As they are when this is loaded: a GPU takes its time, whatever clock a test puts in place later. */
const real: Clock = {
  ...(globals.setImmediate ? { setImmediate: globals.setImmediate } : {}),
  setTimeout: globalThis.setTimeout,
  now: performance.now.bind(performance),
}

export class Waiting {
  readonly #eager: number
  readonly #clock: Clock
  #open = 0
  #changed = 0

  /** For `eager` milliseconds after a wait began or ended the GPU is asked in every turn. */
  constructor(eager: number, clock: Clock = real) {
    this.#eager = eager
    this.#clock = clock
  }

  /** The promise that `begin` makes. */
  async for<T>(begin: () => Promise<T>): Promise<T> {
    this.#open++
    this.#changed = this.#clock.now()
    try {
      return await this.#calmly(begin)
    } finally {
      this.#open--
      this.#changed = this.#clock.now()
    }
  }

  /** Runs `body` with a `setImmediate` that may take its time. */
  #calmly<T>(body: () => T): T {
    const { setImmediate: present } = globals
    const { setImmediate, setTimeout, now } = this.#clock
    if (!present || !setImmediate) return body()
    const calm = (ask: Ask, ...args: unknown[]): unknown => {
      const again = (): void => this.#calmly(() => ask(...args))
      // Whoever else waits, on a device beside ours, does so as always.
      const isEager = this.#open === 0 || now() - this.#changed < this.#eager
      // Always what `clearImmediate` takes.
      return setImmediate(isEager ? again : () => setTimeout(again, 1))
    }
    // Where the globals are frozen, Dawn waits as always.
    if (!Reflect.set(globals, 'setImmediate', calm)) return body()
    try {
      return body()
    } finally {
      globals.setImmediate = present
    }
  }
}
