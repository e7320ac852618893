/** Runs `map`: finds or makes the kernel of a program for the layout of a call. */
import {
  checkBounds,
  checkViews,
  type DType,
  flatKind,
  type Program,
  ShapeError,
  type StepKind,
  step,
  type View,
} from '@nablajs/tensor/backend'
import { counterStrides, countersOf } from './counters.ts'
import { hasHalves } from './halves.ts'
import type { Launcher } from './launch.ts'
import { lower } from './lower.ts'
import { buildMap } from './map-kernel.ts'
import type { GeneratedKernel } from './module.ts'
import { descriptorLayout, type OperandSpec } from './operands.ts'
import { maxNumberedOperands, Plan } from './plan.ts'

interface Entry {
  readonly program: Program
  readonly lowered: Program
  readonly outputs: readonly DType[]
  readonly counters: readonly string[]
  readonly halves: boolean
  /** Whether the program does nothing but read and write halves. */
  readonly casts: boolean
  /** For each element. */
  readonly instructions: number
  /** Whether a call on dense views can take the short way. */
  readonly quick: boolean
  readonly kernels: Map<number | string, GeneratedKernel>
  /** Those of all operands, for the length of a call. */
  readonly strides: (readonly number[])[]
  lastKey: number | string
  lastKernel: GeneratedKernel | undefined
}

export class MapRunner {
  readonly #launcher: Launcher
  readonly #entries: Entry[] = []
  readonly #plan: Plan = new Plan()

  constructor(launcher: Launcher) {
    this.#launcher = launcher
  }

  run(
    program: Program,
    inputs: readonly View[],
    outputs: readonly View[],
    scalars: readonly number[],
  ): void {
    const { name } = program
    const entry = this.#entries[program.id] ?? this.#enter(program)
    checkViews(inputs, program.inputs, 'input', name)
    checkViews(outputs, entry.outputs, 'output', name)
    const { halves } = this.#launcher
    if (!entry.halves) this.#run(entry, inputs, outputs, scalars)
    else if (!(entry.casts && halves.cast(inputs[0]!, outputs[0]!, name)))
      halves.run(name, inputs, outputs, (from, to) => this.#run(entry, from, to, scalars))
  }

  /** On views of 32-bit words. */
  #run(
    entry: Entry,
    inputs: readonly View[],
    outputs: readonly View[],
    scalars: readonly number[],
  ): void {
    const { program } = entry
    const { name } = program
    const { shape } = outputs[0]!
    let size = 1
    for (let axis = 0; axis < shape.length; axis++) size *= shape[axis]!

    const { memory, word } = this.#launcher
    const words = memory.i32
    // Dense views and single repeated values are one loop; other layouts take the long way.
    let key: number = 1
    let flat = entry.quick
    let at = word
    for (let side = 0; side < 2; side++) {
      const views = side === 0 ? inputs : outputs
      for (let i = 0; i < views.length; i++) {
        const view = views[i]!
        const kind = flatKind(view, shape, size, name)
        if (size > 0) checkBounds(view, name)
        words[at++] = this.#launcher.address(view, name)
        if (kind === step.strided) flat = false
        else if (side === 1 && kind === step.fixed)
          throw new ShapeError(`${name}: output ${i} repeats elements`)
        key = key * 3 + kind
      }
    }
    if (size === 0) return
    if (!flat) {
      this.#general(entry, inputs, outputs, shape, scalars)
      return
    }
    if (entry.counters.length > 0) {
      words[at++] = 0
      key = key * 3 + step.unit
    }
    this.#launcher.scalars(at, program.scalars, scalars, name)
    let kernel = entry.lastKernel
    if (key !== entry.lastKey || kernel === undefined) {
      kernel = entry.kernels.get(key)
      kernel ??= this.#compile(entry, key, 1, flatSpecs(entry, key))
      entry.lastKey = key
      entry.lastKernel = kernel
    }
    this.#launcher.run(kernel, size, 1, true, entry.instructions)
  }

  /** Any layout: merge axes, choose the one for the lanes, write the whole parameter block. */
  #general(
    entry: Entry,
    inputs: readonly View[],
    outputs: readonly View[],
    shape: readonly number[],
    scalars: readonly number[],
  ): void {
    const { lowered, counters, program } = entry
    const plan = this.#plan
    const { strides } = entry
    for (let i = 0; i < inputs.length; i++) strides[i] = inputs[i]!.strides
    for (let i = 0; i < outputs.length; i++) strides[inputs.length + i] = outputs[i]!.strides
    for (let c = 0; c < counters.length; c++)
      strides[inputs.length + outputs.length + c] = counterStrides(counters[c]!, shape)
    plan.merge(shape, strides)
    plan.addAxisUnlessAny(false)
    const axis = plan.cheapest(false, inputs.length, outputs.length, lowered.code.length)
    plan.addLoops(false, axis)
    const views = inputs.length + outputs.length
    const rest = plan.tile(views)

    const rank = plan.loops
    const operands = plan.operands
    const layout = descriptorLayout(operands, scalars.length, rank)
    this.#launcher.require(layout.words, program.name)
    const { memory, word } = this.#launcher
    for (let c = 0; c < counters.length; c++) memory.i32[word + views + c] = 0
    this.#launcher.scalars(word + operands, program.scalars, scalars, program.name)

    const key = plan.kernelKey(rank, axis)
    const kernel =
      entry.kernels.get(key) ?? this.#compile(entry, key, rank, plan.specs(axis, counters.length))
    for (let last = rest === 0; ; last = true) {
      plan.write(memory.i32, word + layout.extents, counters.length)
      const outer = plan.extents[plan.order[0]!]!
      this.#launcher.run(kernel, outer, plan.size() / outer, rank === 1, entry.instructions)
      if (last) return
      plan.moveToRest(rest, memory.i32, word, counters.length)
    }
  }

  clear(): void {
    this.#entries.length = 0
  }

  #compile(
    entry: Entry,
    key: number | string,
    rank: number,
    specs: OperandSpec[],
  ): GeneratedKernel {
    const { lowered: program, counters } = entry
    const { memory } = this.#launcher
    const kernel = buildMap({ program, counters, specs, rank }, memory.wasm, memory.type)
    entry.kernels.set(key, kernel)
    this.#launcher.compiled++
    return kernel
  }

  #enter(program: Program): Entry {
    const lowered = lower(program)
    const counters = countersOf(lowered)
    const views = program.inputs.length + program.outputs.length
    this.#launcher.require(views + program.scalars.length, program.name)
    const entry: Entry = {
      program,
      lowered,
      outputs: program.outputs.map((output) => program.code[output]!.dtype),
      counters,
      halves: hasHalves(program),
      casts: views === 2 && lowered.code[lowered.outputs[0]!]!.op === 'input',
      instructions: lowered.code.length + program.outputs.length,
      quick:
        views + counters.length <= maxNumberedOperands &&
        counters.every((key) => key === 'position'),
      kernels: new Map(),
      strides: [],
      lastKey: 0,
      lastKernel: undefined,
    }
    this.#entries[program.id] = entry
    return entry
  }
}

/** The operands of a quick call, out of its key: its digits in base 3. */
function flatSpecs({ program, counters }: Entry, key: number): OperandSpec[] {
  const specs: OperandSpec[] = []
  const views = program.inputs.length + program.outputs.length
  for (let o = views + counters.length - 1; o >= 0; o--) {
    specs.unshift({ counter: o >= views, kind: (key % 3) as StepKind })
    key = Math.floor(key / 3)
  }
  return specs
}
