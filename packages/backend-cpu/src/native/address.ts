/** Where the WebAssembly memory lies in the process, for libraries that take pointers. */
import type { Koffi } from './library.ts'

export class Addresses {
  readonly #koffi: Koffi
  readonly #memory: WebAssembly.Memory
  #buffer: ArrayBufferLike | undefined
  #base = 0

  constructor(koffi: Koffi, memory: WebAssembly.Memory) {
    this.#koffi = koffi
    this.#memory = memory
  }

  /** The pointer to byte 0. A memory that is not shared may move when it grows, and then has a new `buffer`. */
  get base(): number {
    const { buffer } = this.#memory
    if (buffer !== this.#buffer) {
      // User space ends far below 2^53, so a pointer is a number without loss.
      this.#base = Number(this.#koffi.address(new Uint8Array(buffer)))
      this.#buffer = buffer
    }
    return this.#base
  }
}
