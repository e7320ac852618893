/** Runs `reduce`: finds or makes the kernel of a reduction for the layout of a call. */
import {
  program as build,
  type Combine,
  checkBounds,
  checkView,
  checkViews,
  combinedType,
  computeType,
  constant,
  contiguousStrides,
  type DType,
  inline,
  isHalf,
  type Program,
  type Reduction,
  reducedAxes,
  sizeOf,
  type View,
} from '@nablajs/tensor/backend'
import { CpuBuffer } from '../memory.ts'
import { neutral } from './accumulate.ts'
import { counterStrides, countersOf } from './counters.ts'
import { hasHalves } from './halves.ts'
import type { Launcher } from './launch.ts'
import { lower } from './lower.ts'
import type { MapRunner } from './map.ts'
import type { GeneratedKernel } from './module.ts'
import { descriptorLayout } from './operands.ts'
import { Plan } from './plan.ts'
import { buildReduce } from './reduce-kernel.ts'
import { addLoops, partOf } from './reduce-order.ts'

interface Entry {
  readonly name: string
  /** Whether it reads or writes halves. */
  readonly halves: boolean
  /** Lowered, as are all programs here. */
  readonly program: Program
  readonly combine: Combine
  readonly finish: Program | undefined
  readonly counters: readonly string[]
  readonly output: DType
  /** The constant result of a reduction over no elements. */
  readonly empty: Program
  /** The reductions of the stages, once they were asked for. */
  stages?: { readonly parts: Reduction; readonly join: Reduction }
  readonly kernels: Map<number | string, GeneratedKernel>
  /** Those of all operands, for the length of a call. */
  readonly strides: (readonly number[])[]
}

/** A reduction at once, or its parts and then their results. */
type Stage = 'whole' | 'parts' | 'join'

/** The counter over the reduced axes that argmax and argmin need. */
const argument = 'argument'

const combines: Readonly<Record<Combine, number>> = {
  sum: 0,
  prod: 1,
  max: 2,
  min: 3,
  argmax: 4,
  argmin: 5,
}

export class ReduceRunner {
  readonly #launcher: Launcher
  readonly #map: MapRunner
  /** By program, then by combine and `finish`. */
  readonly #entries: Map<number, Entry>[] = []
  readonly #plan: Plan = new Plan()

  /** `map` fills outputs whose elements reduce nothing. */
  constructor(launcher: Launcher, map: MapRunner) {
    this.#launcher = launcher
    this.#map = map
  }

  run(
    reduction: Reduction,
    inputs: readonly View[],
    output: View,
    scalars: readonly number[],
  ): void {
    const { inputs: dtypes, name } = reduction.program
    const entry = this.#entry(reduction)
    checkViews(inputs, dtypes, 'input', name)
    checkView(output, entry.output, 'output', 0, name)
    if (!entry.halves) this.#run(entry, inputs, output, scalars)
    else
      this.#launcher.halves.run(name, inputs, [output], (from, [to]) =>
        this.#run(entry, from, to!, scalars),
      )
  }

  /** On views of 32-bit words. */
  #run(
    entry: Entry,
    inputs: readonly View[],
    output: View,
    scalars: readonly number[],
    stage: Stage = 'whole',
  ): void {
    const { name, program } = entry
    const shape = inputs[0]?.shape ?? output.shape
    const reduced = reducedAxes(shape, inputs, output, name)
    if (sizeOf(output.shape) === 0) return
    if (sizeOf(shape) === 0) {
      this.#map.run(entry.empty, [], [output], scalars)
      return
    }
    for (const view of inputs) checkBounds(view, name)
    checkBounds(output, name)

    const plan = this.#plan
    const { counters } = entry
    const { strides } = entry
    for (let i = 0; i < inputs.length; i++) strides[i] = inputs[i]!.strides
    strides[inputs.length] = keptStrides(output.strides, reduced)
    for (let c = 0; c < counters.length; c++)
      strides[inputs.length + 1 + c] =
        counters[c] === argument
          ? argumentStrides(shape, reduced)
          : counterStrides(counters[c]!, shape)
    plan.merge(shape, strides, reduced)
    plan.addAxisUnlessAny(false)
    plan.addAxisUnlessAny(true)
    const across = addLoops(
      plan,
      inputs.length,
      entry.program.code.length,
      counters.includes(argument),
    )
    let kept = 0
    for (let loop = 0; loop < plan.loops; loop++) if (!plan.reduced[plan.order[loop]!]) kept++
    const axis = across ? plan.innermost : plan.order[kept - 1]!
    const part =
      stage !== 'whole' || counters.length > 0 ? 0 : partOf(plan, axis, inputs.length, across)
    if (part > 0) {
      this.#runInParts(entry, inputs, output, scalars, kept, part)
      return
    }

    const operands = plan.operands
    const layout = descriptorLayout(operands, scalars.length, plan.loops)
    this.#launcher.require(layout.words, name)
    const { memory, word } = this.#launcher
    let at = word
    for (const view of inputs) memory.i32[at++] = this.#launcher.address(view, name)
    memory.i32[at++] = this.#launcher.address(output, name)
    while (at < word + operands) memory.i32[at++] = 0
    this.#launcher.scalars(at, program.scalars, scalars, name)
    plan.write(memory.i32, word + layout.extents, counters.length)

    const loops = ((plan.loops * 16 + kept) * 2 + Number(across)) * 2 + Number(stage === 'join')
    const key = plan.kernelKey(loops, axis)
    const kernel = entry.kernels.get(key) ?? this.#compile(entry, key, axis, kept, across, stage)
    const outer = plan.extents[plan.order[0]!]!
    const lanes = !across && kept === 1
    this.#launcher.run(kernel, outer, plan.size() / outer, lanes, entry.program.code.length + 1)
  }

  /**
   * Reduces parts of `partRows` rows first, and then their results, so that the rows a
   * column needs at a time stay in the cache until its neighbours have used them too.
   */
  #runInParts(
    entry: Entry,
    inputs: readonly View[],
    output: View,
    scalars: readonly number[],
    kept: number,
    partRows: number,
  ): void {
    const { order, extents, strides, innermost: rows } = this.#plan
    const loops = order.slice(0, this.#plan.loops - 1)
    const count = extents[rows]!
    const along = inputs.map((_, i) => [...loops, rows].map((axis) => strides[i]![axis]!))
    const inner = loops.map((axis) => extents[axis]!)
    const outer = inner.map((extent, loop) => (loop < kept ? extent : 1))
    const finalStrides = [0, ...loops.map((axis) => strides[inputs.length]![axis]!), 0]

    const parts = Math.ceil(count / partRows)
    const shape = [parts, ...outer, 1]
    const { memory } = this.#launcher
    const bytes = 4 * sizeOf(shape)
    const buffer = new CpuBuffer(memory, memory.scratch(bytes), bytes)
    entry.stages ??= stagesOf(entry)
    const stages = entry.stages
    const dtype = stages.join.program.inputs[0]!
    const partial: View = { buffer, dtype, shape, strides: contiguousStrides(shape), offset: 0 }

    // All full parts at once, then the one that is left.
    const full = Math.floor(count / partRows)
    const reduce = (first: number, number: number, size: number): void =>
      this.#run(
        this.#entry(stages.parts),
        inputs.map((view, i) => {
          const own = along[i]!
          const stride = own[own.length - 1]!
          return restride(
            view,
            [number, ...inner, size],
            [stride * partRows, ...own],
            view.offset + first * partRows * stride,
          )
        }),
        restride(partial, [number, ...outer, 1], partial.strides, first * sizeOf(outer)),
        scalars,
        'parts',
      )
    reduce(0, full, partRows)
    if (full < parts) reduce(full, 1, count - full * partRows)

    const final = restride(output, [1, ...outer, 1], finalStrides, output.offset)
    this.#run(this.#entry(stages.join), [partial], final, scalars, 'join')
    memory.release(buffer.address)
  }

  clear(): void {
    this.#entries.length = 0
  }

  #compile(
    entry: Entry,
    key: number | string,
    axis: number,
    kept: number,
    across: boolean,
    stage: Stage,
  ): GeneratedKernel {
    const { program, combine, finish, counters } = entry
    const { memory } = this.#launcher
    const kernel = buildReduce(
      {
        program,
        finish,
        combine,
        counters,
        specs: this.#plan.specs(axis, counters.length),
        kept,
        reduced: this.#plan.loops - kept,
        joins: stage === 'join',
        across,
      },
      memory.wasm,
      memory.type,
    )
    entry.kernels.set(key, kernel)
    this.#launcher.compiled++
    return kernel
  }

  #entry(reduction: Reduction): Entry {
    const { program, combine, finish } = reduction
    let entries = this.#entries[program.id]
    if (!entries) {
      entries = new Map()
      this.#entries[program.id] = entries
    }
    const key = combines[combine] + 6 * (finish ? finish.id + 1 : 0)
    let entry = entries.get(key)
    if (!entry) {
      entry = makeEntry(reduction)
      entries.set(key, entry)
    }
    return entry
  }
}

function makeEntry(reduction: Reduction): Entry {
  const { program, combine, finish } = reduction
  const combined = combinedType(reduction)
  const output = finish ? finish.code[finish.outputs[0]!]!.dtype : combined
  const locates = combine === 'argmax' || combine === 'argmin'
  const lowered = lower(program)
  const nothing = constant(
    locates ? 0 : neutral(combine, lowered.code[lowered.outputs[0]!]!.dtype),
    computeType(combined),
  )
  const empty = build({ name: program.name, inputs: [], scalars: program.scalars }, (...scalars) =>
    finish ? inline(finish, [nothing, ...scalars]) : nothing,
  )
  return {
    name: program.name,
    halves: hasHalves(program) || isHalf(output),
    program: lowered,
    combine,
    finish: finish && lower(finish),
    counters: locates ? [...countersOf(lowered), argument] : countersOf(lowered),
    output,
    empty: lower(empty),
    kernels: new Map(),
    strides: [],
  }
}

function stagesOf({ name, program, combine, finish }: Entry): NonNullable<Entry['stages']> {
  const inputs = [program.code[program.outputs[0]!]!.dtype]
  const identity = build({ name, inputs, scalars: program.scalars }, (x) => x!)
  const join = { program: identity, combine }
  return { parts: { program, combine }, join: finish ? { ...join, finish } : join }
}

/** The same memory in another layout. A view may be an object of a class: spreading it would lose its getters. */
function restride(
  { buffer, dtype }: View,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
): View {
  return { buffer, dtype, shape, strides, offset }
}

function keptStrides(strides: readonly number[], reduced: readonly boolean[]): number[] {
  return strides.map((stride, axis) => (reduced[axis] ? 0 : stride))
}

/** The row-major number over the reduced axes. */
function argumentStrides(shape: readonly number[], reduced: readonly boolean[]): number[] {
  const strides = contiguousStrides(shape.map((extent, axis) => (reduced[axis] ? extent : 1)))
  return strides.map((stride, axis) => (reduced[axis] ? stride : 0))
}
