/** Runs `reduce`: chooses its teams, and a second pass where results are few. */
import {
  checkBounds,
  checkScalars,
  checkViews,
  collapse,
  combinedType,
  type DType,
  DTypeError,
  isHalf,
  type Reduction,
  reducedAxes,
  ShapeError,
  sizeOf,
  type View,
} from '@nablajs/tensor/backend'
import type { KernelSource, Runtime } from '../runtime/kernel.ts'
import { checkDtypes } from './instructions.ts'
import {
  type Bindings,
  bind,
  type Counter,
  counterStrides,
  countersOf,
  ParamWriter,
  spread,
} from './operands.ts'
import { isSearch, partType } from './reduce-join.ts'
import { blockOf, groupSize, type ReduceSpec, reduceKernel } from './reduce-kernel.ts'

/** Invocations that keep a GPU busy, and elements that each should have before a result is split. */
const gpu = { busy: 32768, worth: 32 }
/** A software GPU has few processors, and its barriers and subgroups are dear: one invocation is a team. */
const processor = { busy: 512, worth: 256 }

/** Elements of each member of a team. */
const worthMember = 16

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

/** How a pass shares its work; see {@link ReduceSpec}. */
interface Shares extends Pick<ReduceSpec, 'team' | 'cluster' | 'across' | 'pass'> {
  readonly length: number
  readonly splits: number
}

interface Pass extends Shares {
  readonly reduction: Reduction
  readonly entry: Entry
  readonly loops: Loops
  readonly results: number
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
    if (length >= 2 ** 31)
      throw new ShapeError(
        `${name}: ${length} elements for each result; a shader counts to 2^31, reduce one axis after the other`,
      )
    const shares = this.#share(loops, results, length)
    const { splits, across } = shares
    const first: Pass = { ...shares, reduction, entry, loops, results }
    const out = [output.offset, ...loops.walks.at(-1)!.kept]
    this.#begin(first)
    loops.walks.slice(0, -1).forEach((walk, k) => {
      if (k < inputs.length) this.#params.int(inputs[k]!.offset)
      this.#params.ints([...walk.kept, ...walk.reduced])
    })
    if (splits === 1) {
      this.#params.ints(out)
      this.#launch(first, bind(inputs, [output]), scalars)
      return
    }

    // The parts of all results; for a search their keys, then where they were found.
    const { dtype } = program.code[program.outputs[0]!]!
    const types = isSearch(combine) ? (['u32', 'u32'] as const) : [partType(dtype)]
    const parts = types.map((type) => {
      const buffer = this.#runtime.scratch(4 * results * splits)
      return { buffer, dtype: type, shape: [results * splits], strides: [1], offset: 0 }
    })
    this.#launch(first, bind(inputs, parts), scalars)

    const second: Pass = {
      ...first,
      ...this.#teamFor(splits),
      ...{ length: splits, splits: 1, pass: 'join' },
      entry: { ...entry, counters: [] },
      loops: { ...loops, reduced: [] },
    }
    this.#begin(second, across ? [1, results] : [splits, 1])
    this.#params.ints(out)
    this.#launch(second, bind(parts, [output]), scalars)
    for (const { buffer } of parts) this.#runtime.release(buffer)
  }

  /** Teams that read neighbouring elements where the elements of a result are neighbours. */
  #share(loops: Loops, results: number, length: number): Shares {
    const { kept, reduced } = loops.walks[0]!
    const isNext = (strides: readonly number[]) => Math.abs(strides.at(-1) ?? 0) === 1
    const across = isNext(kept) && !isNext(reduced)
    const team = across ? { team: 1, cluster: 1 } : this.#teamFor(length)
    const { busy, worth } = this.#runtime.features.software ? processor : gpu
    const wanted = Math.ceil(busy / (results * team.team))
    const most = Math.min(wanted, Math.floor(length / (team.team * worth)), mostSplits)
    const splits = Math.max(1, most)
    return { ...team, length, splits, across, pass: splits === 1 ? 'whole' : 'parts' }
  }

  #teamFor(length: number): Pick<Shares, 'team' | 'cluster'> {
    const { software, subgroups, subgroupMinSize } = this.#runtime.features
    if (software) return { team: 1, cluster: 1 }
    const team = Math.min(groupSize, powerOfTwoAtLeast(length / worthMember))
    return { team, cluster: subgroups ? Math.min(team, subgroupMinSize) : 1 }
  }

  #begin(pass: Pass, parts: readonly number[] = []): void {
    const { results, length, splits, across, team, loops } = pass
    // Splits take turns where results are neighbours, else each has elements that follow one another.
    const chunk = Math.ceil(length / splits)
    const [skip, span, step] = across ? [1, length, splits * team] : [chunk, chunk, team]
    this.#params.restart()
    this.#params.ints([results, 0, length, splits, skip, span, step, blockOf(pass) * step])
    this.#params.ints([...parts, ...loops.kept, ...loops.reduced])
  }

  #launch(
    { reduction, entry, loops, results, team, cluster, across, pass, splits }: Pass,
    bindings: Bindings,
    scalars: readonly number[],
  ): void {
    const { program } = reduction
    const { name } = program
    const { counters, kernels } = entry
    scalars.forEach((value, i) => {
      this.#params.scalar(program.scalars[i]!, value)
    })
    const [kept, reduced] = [loops.kept.length, loops.reduced.length]
    const key = `${pass} ${kept} ${reduced} ${team} ${cluster} ${across} ${bindings.of.join()}`
    let kernel = kernels.get(key)
    if (!kernel) {
      const loop = { kept, reduced, team, cluster, across, pass }
      kernel = reduceKernel({ reduction, bindings, counters, ...loop })
      kernels.set(key, kernel)
    }
    const most = this.#runtime.limits.maxComputeWorkgroupsPerDimension
    const groups = Math.ceil((results * splits * team) / groupSize)
    this.#runtime.dispatch({
      kernel,
      buffers: bindings.buffers,
      params: this.#params.written,
      groups: spread(groups, most, name),
    })
  }

  #entryOf(reduction: Reduction): Entry {
    const { program, combine, finish } = reduction
    const key = `${combine} ${program.id} ${finish?.id}`
    let entry = this.#entries.get(key)
    if (!entry) {
      checkDtypes(program, this.#runtime.features)
      if (finish) checkDtypes(finish, this.#runtime.features)
      const combined = combinedType(reduction)
      if (isHalf(program.code[program.outputs[0]!]!.dtype))
        throw new DTypeError(
          `${program.name}: halves are combined in f32; cast before, and in finish`,
        )
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
