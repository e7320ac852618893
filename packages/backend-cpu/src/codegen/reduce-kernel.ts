/**
 * Kernels of `reduce`: kept loops, reduced loops inside them, and the lanes either across a reduced
 * axis (joined at the end) or along a kept axis (one output per lane).
 */

import type { Combine, Instruction, Program } from '@nablajs/tensor/backend'
import { step } from '@nablajs/tensor/backend'
import { Accumulator, type Slot } from './accumulate.ts'
import { Body, type Lanes, type Leaf } from './body.ts'
import { counterKey } from './counters.ts'
import { type GeneratedKernel, ModuleBuilder } from './module.ts'
import { op } from './opcodes.ts'
import { nest, type OperandSpec, Operands, type Pointers } from './operands.ts'
import { FunctionBuilder, type Local, type MemoryType } from './wasm.ts'

/** Steps of one f32 lane between two flushes into f64. */
const longBlock = 32

/** Four accumulators, or rows of a whole cache line, as long as the program is not too long. */
const unrollAcrossUpTo = 12
const unrollAlongUpTo = 48

/**
 * What a kernel depends on. `specs` are the program's inputs, the output, the counters of
 * `counters`, and for argmax and argmin a last counter over the reduced axes.
 */
export interface ReduceSpec {
  /** Lowered, as is `finish`. */
  readonly program: Program
  readonly finish: Program | undefined
  readonly combine: Combine
  readonly counters: readonly string[]
  readonly specs: readonly OperandSpec[]
  /** Numbers of loops, each at least 1; the kept ones come first. */
  readonly kept: number
  readonly reduced: number
  /** The elements are sums of many: each is added in f64. */
  readonly joins: boolean
  /** The lanes go across the last reduced loop, instead of along the last kept one. */
  readonly across: boolean
}

export function buildReduce(
  spec: ReduceSpec,
  memory: WebAssembly.Memory,
  type: MemoryType,
): GeneratedKernel {
  const writer = new ReduceWriter(spec)
  return writer.module.compile(writer.write(), memory, type)
}

class ReduceWriter {
  readonly module: ModuleBuilder = new ModuleBuilder()
  readonly #spec: ReduceSpec
  readonly #f: FunctionBuilder = new FunctionBuilder(['i32', 'i32', 'i32'])
  readonly #rank: number
  readonly #output: number
  readonly #accumulator: Accumulator
  readonly #operands: Operands
  readonly #body: Body
  readonly #finish: Body | undefined
  readonly #argument: Leaf | undefined
  /** What the leaves of the program and of `finish` refer to while code is written. */
  #current: Pointers = []
  #finishing: Slot | undefined

  constructor(spec: ReduceSpec) {
    const { program, finish, counters, specs, kept, reduced, across } = spec
    const f = this.#f
    this.#spec = spec
    this.#rank = kept + reduced
    this.#output = program.inputs.length
    const dtype = program.code[program.outputs[0]!]!.dtype
    this.#accumulator = new Accumulator(f, spec.combine, dtype)
    const vectorLoop = across ? this.#rank - 1 : kept - 1
    this.#operands = new Operands(f, 0, specs, program.scalars.length, this.#rank, vectorLoop)

    const operandLeaf = (o: number): Leaf => this.#operands.leaf(o, () => this.#current, across)
    this.#body = new Body(f, this.module, program, (line: Instruction) => {
      if (line.op === 'scalar') return this.#operands.scalarLeaf(line.value)
      if (line.op === 'input') return operandLeaf(line.value)
      return operandLeaf(this.#output + 1 + counters.indexOf(counterKey(line)))
    })
    this.#finish =
      finish &&
      new Body(f, this.module, finish, (line: Instruction) =>
        line.op === 'scalar'
          ? this.#operands.scalarLeaf(line.value)
          : { level: 2, push: () => this.#accumulator.result(this.#finishing!) },
      )
    if (this.#accumulator.tracksIndex) this.#argument = operandLeaf(specs.length - 1)
  }

  write(): FunctionBuilder {
    const f = this.#f
    const { kept, across } = this.#spec
    const [start, end] = [1, 2]
    const pointers = this.#operands.start()
    this.#operands.advance(pointers, 0, { local: start })
    const count = f.local('i32')
    f.get(end)
    f.get(start)
    f.op(op.i32Sub)
    f.set(count)
    this.#body.emit(0)
    this.#finish?.emit(0)
    if (!across && kept === 1) this.#along(pointers, count)
    else
      f.repeat(() => {
        if (across) nest(f, this.#operands, pointers, 1, kept, (at) => this.#across(at))
        else
          nest(f, this.#operands, pointers, 1, kept - 1, (at) =>
            this.#along(at, this.#operands.extent(kept - 1)),
          )
        this.#operands.advance(pointers, 0, 1)
        this.#add(count, -1)
        f.get(count)
      })
    return f
  }

  /** One output: lanes across the last reduced loop. */
  #across(pointers: Pointers): void {
    const f = this.#f
    const operands = this.#operands
    const accumulator = this.#accumulator
    const { kept, specs } = this.#spec
    const inner = this.#rank - 1
    const strided = specs.some(({ kind }) => kind === step.strided)
    const unroll = strided || this.#body.size > unrollAcrossUpTo ? 1 : 4
    const slots = Array.from({ length: unroll }, () => accumulator.slot())
    const first = slots[0]!
    // The elements that do not fill a vector, one at a time in all lanes.
    const tail = accumulator.slot()
    const all = [...slots, tail]
    for (const slot of all) accumulator.reset(slot)

    const flush = (): void => {
      for (let gap = unroll / 2; gap >= 1; gap /= 2)
        for (let i = 0; i < gap; i++) this.#moveSum(slots[i]!, slots[i + gap]!)
      accumulator.flush(first)
      accumulator.flush(tail)
    }
    const block = (count: Local): void => {
      if (unroll > 1)
        f.countDown(count, 4 * unroll, () => {
          for (const [copy, slot] of slots.entries()) this.#step(slot, copy)
          operands.advance(this.#current, inner, 4 * unroll)
        })
      f.countDown(count, 4, () => {
        this.#step(first, 0)
        operands.advance(this.#current, inner, 4)
      })
      f.countDown(count, 1, () => {
        this.#step(tail, 'single')
        operands.advance(this.#current, inner, 1)
      })
    }
    // Up to three left-over vectors and three left-over elements are steps, too.
    this.#inBlocks(flush, 4 * unroll, 6, (blocks) =>
      nest(f, operands, pointers, kept, inner, (at) => {
        this.#current = operands.copy(at)
        this.#body.emit(1)
        blocks(operands.extent(inner), block)
      }),
    )
    if (accumulator.flushes) flush()
    else for (const slot of slots.slice(1)) accumulator.merge(first, slot)
    accumulator.joinLanes(first)
    accumulator.merge(first, tail)
    this.#store(first, pointers, 'single')
  }

  /** Many outputs: lanes along the last kept loop, all reduced loops inside. */
  #along(pointers: Pointers, count: Local): void {
    const f = this.#f
    const { kept, specs } = this.#spec
    const vectorLoop = kept - 1
    const strided = specs.some(({ kind }) => kind === step.strided)
    const unroll = strided || this.#body.size > unrollAlongUpTo ? 1 : 4
    const at = this.#operands.copy(pointers)
    const pass = (lanes: readonly Lanes[], width: number): void =>
      f.countDown(count, width, () => {
        this.#pass(at, lanes)
        this.#operands.advance(at, vectorLoop, width)
      })
    if (unroll > 1) pass([0, 1, 2, 3], 16)
    pass([0], 4)
    pass(['single'], 1)
  }

  /** The outputs of one or more vectors next to each other. */
  #pass(pointers: Pointers, lanes: readonly Lanes[]): void {
    const operands = this.#operands
    const inner = this.#rank - 1
    const slots = lanes.map(() => this.#accumulator.slot())
    for (const slot of slots) this.#accumulator.reset(slot)
    const flush = (): void => {
      for (const slot of slots) this.#accumulator.flush(slot)
    }
    const block = (count: Local): void =>
      this.#f.repeat(() => {
        for (const [i, slot] of slots.entries()) this.#step(slot, lanes[i]!)
        operands.advance(this.#current, inner, 1)
        this.#add(count, -1)
        this.#f.get(count)
      })
    this.#inBlocks(flush, 1, 0, (blocks) =>
      nest(this.#f, operands, pointers, this.#spec.kept, inner, (at) => {
        this.#current = operands.copy(at)
        blocks(operands.extent(inner), block)
      }),
    )
    flush()
    for (const [i, slot] of slots.entries()) this.#store(slot, pointers, lanes[i]!)
  }

  /**
   * Sums of floats are taken in blocks of {@link longBlock} steps of `width` elements, with a flush
   * after each; runs too short for a block are counted together (`extra` steps more for each).
   * `body` calls what it is given with the length of a run and the code for a part of it.
   */
  #inBlocks(
    flush: () => void,
    width: number,
    extra: number,
    body: (blocks: (count: Local, part: (count: Local) => void) => void) => void,
  ): void {
    const f = this.#f
    if (!this.#accumulator.flushes) {
      body((count, part) => part(count))
      return
    }
    const blockSteps = this.#spec.joins ? 1 : longBlock
    const steps = f.local('i32')
    f.i32(0)
    f.set(steps)
    body((count, part) => {
      const size = f.local('i32')
      f.repeat(() => {
        // size = min(count, a block)
        f.get(count)
        f.i32(blockSteps * width)
        f.get(count)
        f.i32(blockSteps * width)
        f.op(op.i32LtS)
        f.op(op.select)
        f.set(size)
        f.get(count)
        f.get(size)
        f.op(op.i32Sub)
        f.set(count)
        f.get(steps)
        f.get(size)
        f.i32(Math.log2(width))
        f.op(op.i32ShrU)
        f.op(op.i32Add)
        f.i32(extra)
        f.op(op.i32Add)
        f.set(steps)
        part(size)
        f.get(steps)
        f.i32(blockSteps)
        f.op(op.i32GeS)
        f.if(() => {
          flush()
          f.i32(0)
          f.set(steps)
        })
        f.get(count)
      })
    })
  }

  /** Runs the program on some lanes and takes the result into a slot. */
  #step(slot: Slot, lanes: Lanes): void {
    const f = this.#f
    this.#body.emit(2, lanes)
    const value = f.local('v128')
    this.#body.output(0)
    f.set(value)
    let index = value
    if (this.#argument) {
      index = f.local('v128')
      this.#argument.push(lanes)
      f.set(index)
    }
    this.#accumulator.step(slot, value, index)
  }

  #store(slot: Slot, pointers: Pointers, lanes: Lanes): void {
    const finish = this.#finish
    this.#finishing = slot
    finish?.emit(2)
    this.#operands.store(this.#output, pointers, lanes, () => {
      if (finish) finish.output(0)
      else this.#accumulator.result(slot)
    })
  }

  /** Adds one unflushed sum to another and clears it. */
  #moveSum(into: Slot, from: Slot): void {
    const f = this.#f
    this.#accumulator.step(into, from.value, from.index)
    f.splat(0)
    f.set(from.value)
  }

  #add(local: Local, amount: number): void {
    this.#f.get(local)
    this.#f.i32(amount)
    this.#f.op(op.i32Add)
    this.#f.set(local)
  }
}
