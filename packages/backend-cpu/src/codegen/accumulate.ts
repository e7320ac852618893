/**
 * Running results of a reduction, in vectors: one value per lane, and what is needed to keep it
 * exact (sums of floats) or to say where it was (argmax).
 */
import type { Combine, DType } from '@nablajs/tensor/backend'
import { simd } from './opcodes.ts'
import type { FunctionBuilder, Local } from './wasm.ts'

export interface Slot {
  readonly value: Local
  /** argmax and argmin: where `value` was. max and min of floats: all ones once a NaN was seen. */
  readonly index: Local
  /** Sums of floats: everything up to the last flush in f64, elements 0 1 and 2 3. */
  readonly wide: readonly [Local, Local]
}

/** An index that no element has; it yields to any other. */
const nowhere = 0x7fffffff

/** How to reset, step, join and read {@link Slot}s of one kind of reduction. */
export class Accumulator {
  /** Only the wide part is exact enough to keep: call {@link flush} every few steps. */
  readonly flushes: boolean
  readonly tracksIndex: boolean
  /**
   * The max of wasm that lets NaN through is eight instructions on x86, and the one that is a
   * single instruction loses NaN: so they are looked for on the side.
   */
  readonly #marksNaN: boolean
  readonly #f: FunctionBuilder
  readonly #combine: Combine
  readonly #dtype: DType

  constructor(f: FunctionBuilder, combine: Combine, dtype: DType) {
    this.#f = f
    this.#combine = combine
    this.#dtype = dtype
    this.flushes = combine === 'sum' && dtype === 'f32'
    this.tracksIndex = combine === 'argmax' || combine === 'argmin'
    this.#marksNaN = dtype === 'f32' && (combine === 'max' || combine === 'min')
  }

  slot(): Slot {
    const local = (): Local => this.#f.local('v128')
    return { value: local(), index: local(), wide: [local(), local()] }
  }

  reset({ value, index, wide }: Slot): void {
    const f = this.#f
    f.splat(neutralBits(this.#combine, this.#dtype))
    f.set(value)
    if (this.tracksIndex || this.#marksNaN) {
      f.splat(this.tracksIndex ? nowhere : 0)
      f.set(index)
    }
    if (this.flushes)
      for (const half of wide) {
        f.splat(0)
        f.set(half)
      }
  }

  /** Takes in `x`, and where it was; a later equal value does not replace an earlier one. */
  step(slot: Slot, x: Local, index: Local): void {
    if (!this.tracksIndex) {
      this.#join(slot.value, x)
      if (this.#marksNaN) this.#mark(slot, () => this.#unequal(x))
      return
    }
    const better = this.#f.local('v128')
    this.#beats(x, slot.value)
    this.#f.set(better)
    this.#replace(slot, x, index, better)
  }

  /** Takes another slot in; of equal values the smaller index stays. */
  merge(slot: Slot, other: Slot): void {
    const f = this.#f
    if (this.flushes) {
      for (const half of [0, 1] as const) {
        f.get(slot.wide[half])
        f.get(other.wide[half])
        f.simd(simd.f64Add)
        f.set(slot.wide[half])
      }
    }
    if (!this.tracksIndex) {
      this.#join(slot.value, other.value)
      if (this.#marksNaN) this.#mark(slot, () => f.get(other.index))
      return
    }
    const better = f.local('v128')
    // Neither beats the other: equal, or both NaN.
    this.#beats(other.value, slot.value)
    f.tee(better)
    this.#beats(slot.value, other.value)
    f.simd(simd.or)
    f.simd(simd.not)
    f.get(other.index)
    f.get(slot.index)
    f.simd(simd.i32LtS)
    f.simd(simd.and)
    f.get(better)
    f.simd(simd.or)
    f.set(better)
    this.#replace(slot, other.value, other.index, better)
  }

  /** Moves a sum into its wide part. */
  flush({ value, wide }: Slot): void {
    if (!this.flushes) return
    const f = this.#f
    for (const half of [0, 1] as const) {
      f.get(wide[half])
      f.get(value)
      if (half === 1) {
        f.get(value)
        f.shuffle(2, 3, 2, 3)
      }
      f.simd(simd.f64PromoteLowF32)
      f.simd(simd.f64Add)
      f.set(wide[half])
    }
    f.splat(0)
    f.set(value)
  }

  /** Joins the four lanes of a (flushed) slot; the result is in all of them. */
  joinLanes(slot: Slot): void {
    const f = this.#f
    if (this.flushes) {
      const [low, high] = slot.wide
      f.get(low)
      f.get(high)
      f.simd(simd.f64Add)
      f.tee(low)
      f.get(low)
      f.get(low)
      f.shuffle(2, 3, 0, 1)
      f.simd(simd.f64Add)
      f.tee(low)
      f.set(high)
      return
    }
    const other = this.slot()
    for (const order of [
      [2, 3, 0, 1],
      [1, 0, 3, 2],
    ] as const) {
      for (const part of ['value', 'index'] as const) {
        f.get(slot[part])
        f.get(slot[part])
        f.shuffle(order[0], order[1], order[2], order[3])
        f.set(other[part])
      }
      this.merge(slot, other)
    }
  }

  /** Pushes the result of each lane, after a flush. */
  result({ value, index, wide }: Slot): void {
    const f = this.#f
    if (this.flushes) {
      for (const half of wide) {
        f.get(half)
        f.simd(simd.f32DemoteF64Zero)
      }
      f.shuffle(0, 1, 4, 5)
    } else if (this.tracksIndex) {
      // Where no element beat the neutral one, all equal it: the first is the answer.
      f.get(index)
      f.get(index)
      f.splat(nowhere)
      f.simd(simd.i32Ne)
      f.simd(simd.and)
    } else {
      f.get(value)
      if (!this.#marksNaN) return
      f.get(index)
      f.simd(simd.or) // all ones are a NaN
    }
  }

  #mark({ index }: Slot, push: () => void): void {
    this.#f.get(index)
    push()
    this.#f.simd(simd.or)
    this.#f.set(index)
  }

  /** Pushes where `x` is NaN. */
  #unequal(x: Local): void {
    this.#f.get(x)
    this.#f.get(x)
    this.#f.simd(simd.f32Ne)
  }

  #join(into: Local, x: Local): void {
    const f = this.#f
    f.get(into)
    f.get(x)
    f.simd(joinCode(this.#combine, this.#dtype))
    f.set(into)
  }

  #replace(slot: Slot, value: Local, index: Local, better: Local): void {
    const f = this.#f
    for (const [into, from] of [
      [slot.value, value],
      [slot.index, index],
    ] as const) {
      f.get(from)
      f.get(into)
      f.get(better)
      f.simd(simd.bitselect)
      f.set(into)
    }
  }

  /** Pushes where `x` is strictly better than `y`; a NaN beats all numbers and nothing a NaN. */
  #beats(x: Local, y: Local): void {
    const f = this.#f
    const [left, right] = this.#combine === 'argmax' ? [y, x] : [x, y]
    if (this.#dtype !== 'f32') {
      f.get(left)
      f.get(right)
      f.simd(this.#dtype === 'i32' ? simd.i32LtS : simd.i32LtU)
      return
    }
    // y is a number, and x is not on the worse side of it or equal.
    f.get(y)
    f.get(y)
    f.simd(simd.f32Eq)
    f.get(right)
    f.get(left)
    f.simd(simd.f32Le)
    f.simd(simd.andnot)
  }
}

function joinCode(combine: Combine, dtype: DType): number {
  const float = dtype === 'f32'
  const signed = dtype === 'i32'
  if (combine === 'sum') return float ? simd.f32Add : simd.i32Add
  if (combine === 'prod') return float ? simd.f32Mul : simd.i32Mul
  if (combine === 'max') return float ? simd.f32Pmax : signed ? simd.i32MaxS : simd.i32MaxU
  return float ? simd.f32Pmin : signed ? simd.i32MinS : simd.i32MinU
}

/** The neutral element of a combine: what no element means. */
export function neutral(combine: Combine, dtype: DType): number {
  if (combine === 'sum') return 0
  if (combine === 'prod') return 1
  const largest = combine === 'min' || combine === 'argmin'
  if (dtype === 'f32') return largest ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
  if (dtype === 'i32') return largest ? 2 ** 31 - 1 : -(2 ** 31)
  if (dtype === 'u32') return largest ? 2 ** 32 - 1 : 0
  return largest ? 1 : 0
}

function neutralBits(combine: Combine, dtype: DType): number {
  const value = neutral(combine, dtype)
  return dtype === 'f32' ? new Int32Array(Float32Array.of(value).buffer)[0]! : value
}
