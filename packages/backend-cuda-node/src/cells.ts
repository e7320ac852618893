/** Memory on the host that C functions write their results to. */
import { ffi } from './ffi.ts'

/** The address of a typed array's memory; valid for as long as the caller keeps the array. */
export function addressOf(data: ArrayBufferView): number {
  return Number(ffi().address(data))
}

/** A few words for results, made once and used for call after call. */
export class Cells {
  readonly #words: BigUint64Array = new BigUint64Array(4)
  readonly #ints: Int32Array = new Int32Array(this.#words.buffer)
  readonly #floats: Float32Array = new Float32Array(this.#words.buffer)
  /** The address of each word. */
  readonly at: readonly number[] = [0, 8, 16, 24].map((byte) => addressOf(this.#words) + byte)

  /** A 64-bit result: a handle, an address or a size. */
  word(i: number): number {
    return Number(this.#words[i])
  }
  /** An `int` result. */
  int(i: number): number {
    return this.#ints[2 * i]!
  }
  /** A `float` result. */
  float(i: number): number {
    return this.#floats[2 * i]!
  }
  /** Puts a value in a word, for functions that read what they are about to change. */
  put(i: number, value: number): void {
    this.#words[i] = BigInt(value)
  }
}

/** The 64-bit word at an address. */
export function wordAt(address: number): number {
  return Number(ffi().decode(BigInt(address), 'uint64_t'))
}

/** The text at an address, up to its end mark. */
export function textAt(address: number): string {
  return address === 0 ? '' : String(ffi().decode(BigInt(address), 'char', -1))
}

/** The text at the start of a buffer that a C function filled. */
export function textIn(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end))
}
