/** The parameters of a launch: the values in slots of 8 bytes, and the table of their addresses. */
import { DeviceError, type DType } from '@nablajs/tensor/backend'
import { addressOf } from './cells.ts'

/** CUDA takes 4096 bytes of kernel parameters; each has 8 here. */
const mostSlots = 512

export class Parameters {
  /** Where the addresses of the values begin, as launches take it. */
  readonly table: number
  readonly #block: ArrayBuffer
  readonly #u32: Uint32Array
  readonly #i32: Int32Array
  readonly #f32: Float32Array
  readonly #f64: Float64Array
  readonly #addresses: BigUint64Array
  #count = 0

  constructor(slots: number = mostSlots) {
    this.#block = new ArrayBuffer(8 * slots)
    this.#u32 = new Uint32Array(this.#block)
    this.#i32 = new Int32Array(this.#block)
    this.#f32 = new Float32Array(this.#block)
    this.#f64 = new Float64Array(this.#block)
    const first = addressOf(this.#f64)
    this.#addresses = BigUint64Array.from({ length: slots }, (_, i) => BigInt(first + 8 * i))
    this.table = addressOf(this.#addresses)
  }

  /** How many there are. */
  get count(): number {
    return this.#count
  }

  /** Starts again, at the first slot or at one whose parameters are to be written anew. */
  begin(slot: number = 0): void {
    this.#count = slot
  }
  address(value: number): void {
    const at = 2 * this.#slot()
    this.#u32[at] = value
    this.#u32[at + 1] = value / 4294967296
  }
  int(value: number): void {
    this.#i32[2 * this.#slot()] = value
  }
  /** A 64-bit signed integer. */
  long(value: number): void {
    const at = 2 * this.#slot()
    this.#u32[at] = value
    this.#i32[at + 1] = Math.floor(value / 4294967296)
  }
  float(value: number): void {
    this.#f32[2 * this.#slot()] = value
  }
  double(value: number): void {
    this.#f64[this.#slot()] = value
  }

  /** The scalars of a program. */
  scalars(dtypes: readonly DType[], values: readonly number[]): void {
    for (let i = 0; i < dtypes.length; i++) {
      const value = values[i]!
      if (dtypes[i] === 'f32') this.float(value)
      else if (dtypes[i] === 'f64') this.double(value)
      else if (dtypes[i] === 'bool') this.int(value === 0 ? 0 : 1)
      else this.int(value)
    }
  }

  /** The parameters so far, in memory of their own. */
  copy(): Parameters {
    const copy = new Parameters(Math.max(1, this.#count))
    new Uint8Array(copy.#block).set(new Uint8Array(this.#block, 0, 8 * this.#count))
    copy.#count = this.#count
    return copy
  }

  #slot(): number {
    if (this.#count === mostSlots)
      throw new DeviceError(`cuda: a kernel takes at most ${mostSlots} parameters`)
    return this.#count++
  }
}
