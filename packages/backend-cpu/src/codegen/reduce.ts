/** Runs `reduce`: finds or makes the kernel of a reduction for the layout of a call. */
import {
  program as build,
  type Combine,
  constant,
  contiguousStrides,
  type DType,
  DTypeError,
  inline,
  type Program,
  type Reduction,
  ShapeError,
  showShape,
  sizeOf,
  type View,
} from '@nablajs/tensor/backend'
import { CpuBuffer } from '../memory.ts'
import { neutral } from './accumulate.ts'
import { counterStrides, countersOf } from './counters.ts'
import { checkBounds, checkView, checkViews, type Launcher } from './launch.ts'
import { lower } from './lower.ts'
import type { MapRunner } from './map.ts'
import type { GeneratedKernel } from './module.ts'
import { descriptorLayout } from './operands.ts'
import { lineElements, Plan } from './plan.ts'
import { buildReduce } from './reduce-kernel.ts'

interface Entry {
  readonly reduction: Reduction
  readonly program: Program
  readonly finish: Program | undefined
  readonly counters: readonly string[]
  readonly output: DType
  /** The constant result of a reduction over no elements. */
  readonly empty: Program
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
    stage: Stage = 'whole',
  ): void {
    const { program } = reduction
    const { name } = program
    const entry = this.#entry(reduction)
    checkViews(inputs, program.inputs, 'input', name)
    checkView(output, entry.output, 'output', 0, name)
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
    const across = addLoops(plan, inputs.length, entry)
    let kept = 0
    for (let loop = 0; loop < plan.loops; loop++) if (!plan.reduced[plan.order[loop]!]) kept++
    const axis = across ? plan.innermost : plan.order[kept - 1]!
    const part =
      stage !== 'whole' || counters.length > 0 ? 0 : partOf(plan, axis, inputs.length, across)
    if (part > 0) {
      this.#runInParts(reduction, inputs, output, scalars, kept, part)
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
    { program, combine, finish }: Reduction,
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
    const dtype = program.code[program.outputs[0]!]!.dtype
    const partial: View = { buffer, dtype, shape, strides: contiguousStrides(shape), offset: 0 }

    // All full parts at once, then the one that is left.
    const full = Math.floor(count / partRows)
    const reduce = (first: number, number: number, size: number): void =>
      this.run(
        { program, combine },
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

    const signature = { name: program.name, inputs: [dtype], scalars: program.scalars }
    const final = restride(output, [1, ...outer, 1], finalStrides, output.offset)
    const identity = build(signature, (x) => x!)
    this.run(
      finish ? { program: identity, combine, finish } : { program: identity, combine },
      [partial],
      final,
      scalars,
      'join',
    )
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
    const { program, finish, counters, reduction } = entry
    const { memory } = this.#launcher
    const kernel = buildReduce(
      {
        program,
        finish,
        combine: reduction.combine,
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
  const dtype = program.code[program.outputs[0]!]!.dtype
  if (dtype === 'bool' && (combine === 'sum' || combine === 'prod'))
    throw new DTypeError(`${program.name}: a ${combine} of bool; cast to i32 first`)
  const locates = combine === 'argmax' || combine === 'argmin'
  const combined = locates ? 'i32' : dtype
  if (finish && finish.inputs[0] !== combined)
    throw new DTypeError(
      `${finish.name}: takes ${finish.inputs[0]}; the combined value is ${combined}`,
    )
  if (finish && countersOf(finish).length > 0)
    throw new DTypeError(`${finish.name}: a finish has no index or position`)
  const lowered = lower(program)
  const nothing = constant(locates ? 0 : neutral(combine, dtype), combined)
  return {
    reduction,
    program: lowered,
    finish: finish && lower(finish),
    counters: locates ? [...countersOf(lowered), argument] : countersOf(lowered),
    output: finish ? finish.code[finish.outputs[0]!]!.dtype : combined,
    empty: build({ name: program.name, inputs: [], scalars: program.scalars }, (...scalars) =>
      finish ? inline(finish, [nothing, ...scalars]) : nothing,
    ),
    kernels: new Map(),
    strides: [],
  }
}

/**
 * Orders the loops: the last reduced one or the last kept one goes into the lanes. Across a reduced axis the lanes must be
 * joined for each output; along a kept axis every output runs through all its elements.
 */
function addLoops(plan: Plan, inputs: number, { program, counters }: Entry): boolean {
  const body = program.code.length
  const elements = plan.size(true)
  // The first of equal values is known by its order, which must stay for argmax and argmin.
  const lastReduced = plan.lastAxis(true)
  const ordered = counters.includes(argument)
  const reducedAxis = ordered ? lastReduced : plan.cheapest(true, inputs, 0, body)
  const keptAxis = plan.cheapest(false, inputs, 0, body)
  const costAcross = plan.cost(reducedAxis, inputs, 0, body) + joining / elements
  // Along a kept axis the lanes begin once, and then go down all reduced elements.
  const costAlong = plan.cost(keptAxis, inputs, 0, body + stepping, 0) + finishing / elements
  const across = costAcross < costAlong
  plan.addLoops(false, across ? plan.lastAxis(false) : keptAxis)
  plan.addLoops(true, across ? reducedAxis : lastReduced)
  return across
}

/** Instructions for one output: to join its lanes, or its share where each lane is an output. */
const joining = 40
const finishing = 3

/** Instructions to move on to the next row of lanes. */
const stepping = 1

/** Elements that stay in a second-level cache (128 KiB). */
const cachedElements = 1 << 15

/** Distance in elements at which rows fall into the same cache sets, of which there are 8 ways. */
const conflictingStride = 512
const ways = 8

/**
 * How many steps of the last loop to reduce at a time, or 0 for all. It depends on the sizes alone:
 * the order of a sum is the same for every number of threads.
 */
function partOf(plan: Plan, lanes: number, inputs: number, across: boolean): number {
  const cached = across ? 0 : rowsOfPart(plan, lanes, inputs)
  if (cached > 0) return cached
  // Threads cannot share few outputs. Along the lanes sixteen of them are one step.
  const parts = Math.min(mostParts, Math.floor(plan.size() / partElements))
  if (plan.size(false) > (across ? fewOutputs : lineElements * fewOutputs) || parts < 4) return 0
  const count = plan.extents[plan.innermost]!
  return count < lineElements * parts ? 0 : Math.ceil(count / parts)
}

const fewOutputs = 8

/** Elements of a part at least, and parts at most. */
const partElements = 1 << 15
const mostParts = 16

/**
 * How many rows of a matrix to reduce at a time, or 0 for all. A pass goes down the rows on one
 * cache line's width of columns. Over many narrow rows the next pass would find the matrix gone from
 * the cache; and of rows at large powers of two a cache holds only a few lines.
 */
function rowsOfPart(plan: Plan, lanes: number, inputs: number): number {
  const { extents, strides, innermost: rows } = plan
  const count = extents[rows]!
  if (extents[lanes]! < 2 * lineElements) return 0
  for (let i = 0; i < inputs; i++) {
    const stride = Math.abs(strides[i]![rows]!)
    if (strides[i]![lanes] !== 1 || stride === 0) continue
    if (stride % conflictingStride === 0) return count < 4 * ways ? 0 : ways
    if (stride < conflictingStride && count * stride > 4 * cachedElements)
      return Math.floor(cachedElements / stride)
  }
  return 0
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

function reducedAxes(
  shape: readonly number[],
  inputs: readonly View[],
  output: View,
  name: string,
): boolean[] {
  for (const view of inputs)
    if (view.shape.length !== shape.length || view.shape.some((n, axis) => n !== shape[axis]))
      throw new ShapeError(
        `${name}: inputs of ${showShape(shape)} and ${showShape(view.shape)}; they must have one shape`,
      )
  const fits =
    output.shape.length === shape.length &&
    output.shape.every((extent, axis) => extent === 1 || extent === shape[axis])
  if (!fits)
    throw new ShapeError(
      `${name}: ${showShape(shape)} does not reduce to ${showShape(output.shape)}`,
    )
  return shape.map((extent, axis) => extent !== 1 && output.shape[axis] === 1)
}

function keptStrides(strides: readonly number[], reduced: readonly boolean[]): number[] {
  return strides.map((stride, axis) => (reduced[axis] ? 0 : stride))
}

/** The row-major number over the reduced axes. */
function argumentStrides(shape: readonly number[], reduced: readonly boolean[]): number[] {
  const strides = contiguousStrides(shape.map((extent, axis) => (reduced[axis] ? extent : 1)))
  return strides.map((stride, axis) => (reduced[axis] ? stride : 0))
}
