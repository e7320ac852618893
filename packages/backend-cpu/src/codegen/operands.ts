/**
 * How a kernel walks over its operands: views in memory, and counters (`position`, `index`), which
 * are walked the same way but are the number itself.
 */
import { type StepKind, step } from '@nablajs/tensor/backend'
import type { Lanes, Leaf, Level } from './body.ts'
import { op, simd } from './opcodes.ts'
import type { FunctionBuilder, Local } from './wasm.ts'

export interface OperandSpec {
  readonly counter: boolean
  readonly kind: StepKind
}

/**
 * The parameter block of a kernel, in 32-bit words: the address of each operand (the start of each
 * counter), the scalars, the extent of each loop, and the strides, operand by operand (bytes, and
 * counts for counters).
 */
export function descriptorLayout(
  operands: number,
  scalars: number,
  rank: number,
): { extents: number; strides: number; words: number } {
  const extents = operands + scalars
  const strides = extents + rank
  return { extents, strides, words: strides + operands * rank }
}

/** Where each operand is now. */
export type Pointers = readonly Local[]

/** The operands of one kernel: their locals, and the loads, stores and steps on them. */
export class Operands {
  readonly specs: readonly OperandSpec[]
  readonly rank: number
  readonly #f: FunctionBuilder
  readonly #descriptor: Local
  readonly #scalars: number
  readonly #vectorLoop: number
  readonly #strides: (Local | undefined)[][]
  readonly #ramps: (Local | undefined)[]

  /** `vectorLoop` is the loop whose elements go into the lanes. */
  constructor(
    f: FunctionBuilder,
    descriptor: Local,
    specs: readonly OperandSpec[],
    scalars: number,
    rank: number,
    vectorLoop: number,
  ) {
    this.#f = f
    this.#descriptor = descriptor
    this.specs = specs
    this.rank = rank
    this.#scalars = scalars
    this.#vectorLoop = vectorLoop
    const layout = descriptorLayout(specs.length, scalars, rank)
    this.#strides = specs.map(({ kind }, o) =>
      Array.from({ length: rank }, (_, loop) => {
        if (loop === vectorLoop && kind !== step.strided) return undefined
        return this.#word(layout.strides + o * rank + loop)
      }),
    )
    this.#ramps = specs.map((spec, o) => this.#ramp(spec, o))
  }

  /** The extent of a loop, in a new local. */
  extent(loop: number): Local {
    return this.#word(this.specs.length + this.#scalars + loop)
  }

  /** The operands' first elements, in new locals. */
  start(): Local[] {
    return this.specs.map((_, o) => this.#word(o))
  }

  copy(pointers: Pointers): Local[] {
    return pointers.map((pointer) => {
      const own = this.#f.local('i32')
      this.#f.get(pointer)
      this.#f.set(own)
      return own
    })
  }

  /** Moves all operands on by `count` steps of a loop: a number, or the value of a local. */
  advance(pointers: Pointers, loop: number, count: number | { readonly local: Local }): void {
    const f = this.#f
    for (const [o, { counter, kind }] of this.specs.entries()) {
      if (loop === this.#vectorLoop && kind === step.fixed) continue
      f.get(pointers[o]!)
      const stride = this.#strides[o]![loop]
      const unit = counter ? 1 : 4
      if (typeof count === 'number' && stride === undefined) f.i32(count * unit)
      else {
        if (stride === undefined) f.i32(unit)
        else f.get(stride)
        if (typeof count !== 'number') f.get(count.local)
        else if (count !== 1) f.i32(count)
        if (count !== 1) f.op(op.i32Mul)
      }
      f.op(op.i32Add)
      f.set(pointers[o]!)
    }
  }

  /** A leaf that reads an operand; `hoist` reads fixed ones at level 1. */
  leaf(o: number, pointers: () => Pointers, hoist: boolean): Leaf {
    const { counter, kind } = this.specs[o]!
    const level: Level = hoist && kind === step.fixed ? 1 : 2
    return {
      level,
      push: (lanes) => {
        if (counter) this.#count(o, pointers()[o]!, lanes)
        else this.#load(o, pointers()[o]!, lanes)
      },
    }
  }

  scalarLeaf(i: number): Leaf {
    return {
      level: 0,
      push: () => {
        this.#f.get(this.#descriptor)
        this.#f.access(simd.load32Splat, 4 * (this.specs.length + i))
      },
    }
  }

  /** Stores what `value` pushes. */
  store(o: number, pointers: Pointers, lanes: Lanes, value: () => void): void {
    const f = this.#f
    const pointer = pointers[o]!
    if (lanes === 'single' || this.specs[o]!.kind === step.unit) {
      f.get(pointer)
      value()
      if (lanes === 'single') f.accessLane(simd.store32Lane, 0)
      else f.access(simd.store, 16 * lanes)
      return
    }
    const vector = f.local('v128')
    value()
    f.set(vector)
    const address = this.#strided(o, pointer, lanes)
    for (let lane = 0; lane < 4; lane++) {
      if (lane > 0) this.#next(o, address)
      f.get(address)
      f.get(vector)
      f.accessLane(simd.store32Lane, lane)
    }
  }

  #load(o: number, pointer: Local, lanes: Lanes): void {
    const f = this.#f
    const { kind } = this.specs[o]!
    if (lanes === 'single' || kind === step.fixed) {
      f.get(pointer)
      f.access(simd.load32Splat)
    } else if (kind === step.unit) {
      f.get(pointer)
      f.access(simd.load, 16 * lanes)
    } else {
      const vector = f.local('v128')
      const address = this.#strided(o, pointer, lanes)
      f.get(address)
      f.access(simd.load32Zero)
      f.set(vector)
      for (let lane = 1; lane < 4; lane++) {
        this.#next(o, address)
        f.get(address)
        f.get(vector)
        f.accessLane(simd.load32Lane, lane)
        f.set(vector)
      }
      f.get(vector)
    }
  }

  #count(o: number, pointer: Local, lanes: Lanes): void {
    const f = this.#f
    f.get(pointer)
    f.simd(simd.i32Splat)
    const ramp = this.#ramps[o]
    if (lanes === 'single' || ramp === undefined) return
    f.get(ramp)
    f.simd(simd.i32Add)
    if (lanes === 0) return
    const stride = this.#strides[o]![this.#vectorLoop]
    if (stride === undefined) f.i32(4 * lanes)
    else {
      f.get(stride)
      f.i32(4 * lanes)
      f.op(op.i32Mul)
    }
    f.simd(simd.i32Splat)
    f.simd(simd.i32Add)
  }

  /** 0, 1, 2, 3 strides of a counter along the lanes. */
  #ramp({ counter, kind }: OperandSpec, o: number): Local | undefined {
    if (!counter || kind === step.fixed) return undefined
    const f = this.#f
    const ramp = f.local('v128')
    f.vector(0, 1, 2, 3)
    if (kind === step.strided) {
      f.get(this.#strides[o]![this.#vectorLoop]!)
      f.simd(simd.i32Splat)
      f.simd(simd.i32Mul)
    }
    f.set(ramp)
    return ramp
  }

  /** The address of the first lane, in a new local. */
  #strided(o: number, pointer: Local, lanes: number): Local {
    const f = this.#f
    const address = f.local('i32')
    f.get(pointer)
    if (lanes > 0) {
      f.get(this.#strides[o]![this.#vectorLoop]!)
      f.i32(4 * lanes)
      f.op(op.i32Mul)
      f.op(op.i32Add)
    }
    f.set(address)
    return address
  }

  #next(o: number, address: Local): void {
    this.#f.get(address)
    this.#f.get(this.#strides[o]![this.#vectorLoop]!)
    this.#f.op(op.i32Add)
    this.#f.set(address)
  }

  #word(number: number): Local {
    const local = this.#f.local('i32')
    this.#f.get(this.#descriptor)
    this.#f.i32Load(4 * number)
    this.#f.set(local)
    return local
  }
}

/**
 * The loops `from` to `to - 1` (all extents at least 1) around `inner`, which gets where the
 * operands are and must not move them.
 */
export function nest(
  f: FunctionBuilder,
  operands: Operands,
  pointers: Pointers,
  from: number,
  to: number,
  inner: (pointers: Pointers) => void,
): void {
  if (from === to) {
    inner(pointers)
    return
  }
  const count = operands.extent(from)
  const own = operands.copy(pointers)
  f.repeat(() => {
    nest(f, operands, own, from + 1, to, inner)
    operands.advance(own, from, 1)
    f.get(count)
    f.i32(1)
    f.op(op.i32Sub)
    f.tee(count)
  })
}
