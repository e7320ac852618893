/** Runs `reduce`: chooses the shape of its workgroups, and a second pass where results are few. */
import {
  checkBounds,
  checkScalars,
  checkViews,
  collapse,
  combinedType,
  type DType,
  type Program,
  type Reduction,
  reducedAxes,
  ShapeError,
  sizeOf,
  type View,
} from '@nablajs/tensor/backend'
import type { KernelSource, Runtime } from '../runtime/kernel.ts'
import { checkDtypes } from './instructions.ts'
import { bind, type Counter, counterStrides, countersOf, ParamWriter, spread } from './operands.ts'
import { isSearch, partType, type ReduceSpec, reduceKernel } from './reduce-kernel.ts'

/** Invocations of a workgroup. */
const groupSize = 64

/** Workgroups that keep a large GPU busy. */
const manyGroups = 512

/** Elements that an invocation should have before a result is split over workgroups. */
const worthSplitting = 64

/** The most splits of a result: what the second pass joins. */
const mostSplits = 1024

interface Entry {
  readonly output: DType
  readonly counters: readonly Counter[]
  readonly kernels: Map<string, KernelSource>
}

/** How the elements of a call lie: loops over results, then loops over the elements of each. */
interface Loops {
  readonly kept: readonly number[]
  readonly reduced: readonly number[]
  /** Of the inputs, the counters and the output. */
  readonly walks: readonly { readonly kept: number[]; readonly reduced: number[] }[]
}

const powerOfTwoAtLeast = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, n)))

export class ReduceRunner {
  readonly #runtime: Runtime
  readonly #entries: Map<string, Entry> = new Map()
  readonly #params: ParamWriter = new ParamWriter()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  run(
    reduction: Reduction,
    inputs: readonly View[],
    output: View,
    scalars: readonly number[],
  ): void {
    const { program, finish, combine } = reduction
    const { name } = program
    const entry = this.#entryOf(reduction)
    checkViews(inputs, program.inputs, 'input', name)
    checkViews([output], [entry.output], 'output', name)
    checkScalars(program, scalars)
    if (finish) checkScalars(finish, scalars)
    const shape = inputs[0]?.shape ?? output.shape
    reducedAxes(shape, inputs, output, name)
    for (const view of inputs) checkBounds(view, name)
    checkBounds(output, name)
    const results = sizeOf(output.shape)
    if (results === 0) return

    const loops = loopsOf(shape, inputs, entry.counters, output)
    const length = sizeOf(loops.reduced)
    if (length >= 2 ** 32)
      throw new ShapeError(
        `${name}: ${length} elements for each result; a shader counts to 2^32, reduce one axis after the other`,
      )
    const tile = workgroup(loops, results, length)
    const { lanes, rows } = tile
    const splits = splitsOf(Math.ceil(results / lanes), rows, length)
    if (splits === 1) {
      const spec = this.#spec(reduction, entry, loops, tile, 'whole')
      const bindings = bind(inputs, [output])
      this.#begin(results, length, 1, length, loops)
      this.#walks(inputs, loops)
      this.#output(output, loops)
      this.#scalars(program, scalars)
      this.#launch(entry, { ...spec, bindings }, Math.ceil(results / lanes))
      return
    }

    // The parts of all results, then for a search where they were found.
    const search = isSearch(combine)
    const { dtype } = program.code[program.outputs[0]!]!
    const scratch = [partType(dtype), ...(search ? (['u32'] as const) : [])].map((type) => ({
      buffer: this.#runtime.scratch(4 * results * splits),
      dtype: type,
      shape: [results, splits],
      strides: [splits, 1],
      offset: 0,
    }))
    const chunk = Math.ceil(length / splits)
    const groups = Math.ceil(results / lanes) * splits
    const first = this.#spec(reduction, entry, loops, tile, 'parts')
    this.#begin(results, length, splits, chunk, loops)
    this.#walks(inputs, loops)
    this.#scalars(program, scalars)
    this.#launch(entry, { ...first, bindings: bind(inputs, scratch) }, groups)

    const flat: Loops = { ...loops, reduced: [] }
    const second = this.#spec(reduction, entry, flat, joinTile, 'join')
    this.#begin(results, splits, 1, splits, flat)
    this.#output(output, loops)
    this.#scalars(program, scalars)
    this.#launch(entry, { ...second, counters: [], bindings: bind(scratch, [output]) }, results)
    for (const { buffer } of scratch) this.#runtime.release(buffer)
  }

  #spec(
    reduction: Reduction,
    entry: Entry,
    loops: Loops,
    tile: Tile,
    pass: ReduceSpec['pass'],
  ): Omit<ReduceSpec, 'bindings'> {
    const { counters } = entry
    const kept = loops.kept.length
    return { reduction, counters, kept, reduced: loops.reduced.length, ...tile, pass }
  }

  #launch(entry: Entry, spec: ReduceSpec, groups: number): void {
    const { kept, reduced, lanes, rows, across, pass, bindings, reduction } = spec
    const { name } = reduction.program
    const key = `${pass} ${kept} ${reduced} ${lanes} ${rows} ${across} ${bindings.of.join()}`
    let kernel = entry.kernels.get(key)
    if (!kernel) {
      kernel = reduceKernel(spec)
      entry.kernels.set(key, kernel)
    }
    const most = this.#runtime.limits.maxComputeWorkgroupsPerDimension
    this.#runtime.dispatch({
      kernel,
      buffers: bindings.buffers,
      params: this.#params.written,
      groups: spread(groups, most, name),
    })
  }

  #begin(results: number, length: number, splits: number, chunk: number, loops: Loops): void {
    this.#params.restart()
    this.#params.ints([results, 0, length, splits, chunk, ...loops.kept, ...loops.reduced])
  }

  #walks(inputs: readonly View[], loops: Loops): void {
    loops.walks.slice(0, -1).forEach((walk, k) => {
      if (k < inputs.length) this.#params.int(inputs[k]!.offset)
      this.#params.ints([...walk.kept, ...walk.reduced])
    })
  }

  #output(output: View, loops: Loops): void {
    this.#params.ints([output.offset, ...loops.walks.at(-1)!.kept])
  }

  #scalars(program: Program, scalars: readonly number[]): void {
    scalars.forEach((value, i) => {
      this.#params.scalar(program.scalars[i]!, value)
    })
  }

  #entryOf(reduction: Reduction): Entry {
    const { program, combine, finish } = reduction
    const key = `${combine} ${program.id} ${finish?.id}`
    let entry = this.#entries.get(key)
    if (!entry) {
      checkDtypes(program)
      if (finish) checkDtypes(finish)
      const combined = combinedType(reduction)
      const output = finish ? finish.code[finish.outputs[0]!]!.dtype : combined
      entry = { output, counters: countersOf(program), kernels: new Map() }
      this.#entries.set(key, entry)
    }
    return entry
  }
}

function loopsOf(
  shape: readonly number[],
  inputs: readonly View[],
  counters: readonly Counter[],
  output: View,
): Loops {
  const isReduced = shape.map((extent, axis) => extent !== output.shape[axis])
  const strides = [
    ...inputs.map((view) => view.strides),
    ...counters.map((counter) => counterStrides(counter, shape)),
    output.strides.map((stride, axis) => (isReduced[axis] ? 0 : stride)),
  ]
  const merged = collapse(shape, strides, isReduced)
  const of = (values: readonly number[], reduced: boolean) =>
    values.filter((_, axis) => merged.split[axis] === reduced)
  return {
    kept: of(merged.shape, false),
    reduced: of(merged.shape, true),
    walks: merged.strides.map((own) => ({ kept: of(own, false), reduced: of(own, true) })),
  }
}

/** The workgroup of a reduction; see {@link ReduceSpec}. */
type Tile = Pick<ReduceSpec, 'lanes' | 'rows' | 'across'>

/** That of the second pass: one result. */
const joinTile: Tile = { lanes: 1, rows: groupSize, across: false }

/** How many results, and how many invocations for each, a workgroup has. */
function workgroup(loops: Loops, results: number, length: number): Tile {
  const rows = Math.min(groupSize, powerOfTwoAtLeast(length / 8))
  // Neighbouring invocations should read neighbouring elements of the first input.
  const first = loops.walks[0]!
  const across = Math.abs(first.kept.at(-1) ?? 0) === 1 && Math.abs(first.reduced.at(-1) ?? 0) !== 1
  const most = across ? Math.max(groupSize / rows, 16) : groupSize / rows
  const lanes = Math.min(most, powerOfTwoAtLeast(results))
  return { lanes, rows: Math.min(rows, groupSize / lanes), across }
}

function splitsOf(groups: number, rows: number, length: number): number {
  const wanted = Math.ceil(manyGroups / groups)
  const worth = Math.floor(length / (rows * worthSplitting))
  return Math.max(1, Math.min(wanted, worth, mostSplits))
}
