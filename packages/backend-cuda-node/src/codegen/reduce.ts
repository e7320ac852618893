/** Runs `reduce`: finds or makes the kernels of a reduction for the layout of a call. */
import {
  program as build,
  bytesOf,
  checkBounds,
  checkScalars,
  checkViews,
  combinedType,
  constant,
  type DType,
  inline,
  isHalf,
  type Program,
  type Reduction,
  reducedAxes,
  sizeOf,
  step,
  type View,
} from '@nablajs/tensor/backend'
import type { Kernel } from '../context.ts'
import type { Device } from '../device.ts'
import { counterStrides, countersOf, outputsOf } from './element.ts'
import {
  isLarge,
  mostWidth,
  type Nest,
  putExtents,
  splitNest,
  vectorBytes,
  vectorWidth,
  widthOf,
} from './layout.ts'
import type { MapRunner } from './map.ts'
import { blockThreads, locates, neutral, type ReduceKernel, reduceSource } from './reduce-source.ts'

interface Entry {
  readonly reduction: Reduction
  readonly counters: readonly string[]
  readonly dtype: DType
  readonly output: DType
  /** The constant result of a reduction over no elements. */
  readonly empty: Program
  readonly kernels: Map<string, Kernel>
}

/** A call, as both passes need it. */
interface Call {
  readonly entry: Entry
  readonly nests: { readonly kept: Nest; readonly reduced: Nest }
  /** The addresses of the inputs. */
  readonly sources: readonly number[]
  readonly outputs: number
  readonly elements: number
  readonly large: boolean
  readonly scalars: readonly number[]
}

/** How the work of a reduction is dealt out. */
interface Deal {
  /** Threads for each output. */
  readonly threads: number
  /** Parts of the elements, to be joined by a second pass when there are several. */
  readonly parts: number
  readonly chunk: number
}

/** Threads for each output by how many elements it has at most: about a vector or more for each thread. */
const threadsUpTo: readonly (readonly [elements: number, threads: number])[] = [
  [7, 1],
  [32, 4],
  [128, 8],
  [1024, 32],
]

/** Elements that a thread goes through at least, which it reads at once: more threads wait for memory together. */
const fewestElements = 16

/** Elements that a thread goes through at most, for the accuracy of its sum. */
const mostElements = 4096

/** What the driver takes as the second extent of a grid. */
const mostParts = 65535

const threadsFor = (elements: number): number =>
  threadsUpTo.find(([most]) => elements <= most)?.[1] ?? blockThreads

/**
 * Deals out `outputs` times `elements`; `along` says that neighbouring outputs lie side by side, `width`
 * how many elements a vector may have.
 */
export function deal(
  outputs: number,
  elements: number,
  along: boolean,
  multiprocessors: number,
  width: number = vectorWidth,
): Deal {
  const threads = along && outputs >= 32 ? 1 : threadsFor(elements)
  // A thread of its own reads one element at a time: of halves as many bytes need twice the threads.
  const wanted = 1024 * multiprocessors * (threads === 1 ? width / vectorWidth : 1)
  const perThread = elements / threads
  const useful = Math.min(wanted / (outputs * threads), perThread / fewestElements)
  const parts = Math.min(
    mostParts,
    Math.max(1, Math.floor(useful), Math.ceil(perThread / mostElements)),
  )
  // Parts begin where a vector may begin.
  const unit = threads * width
  const chunk = parts === 1 ? elements : Math.ceil(elements / parts / unit) * unit
  return { threads, parts: Math.ceil(elements / chunk), chunk }
}

/**
 * Whether neighbouring outputs read neighbours in memory, so that neighbouring threads should have
 * them. Inputs that repeat within a reduction (a maximum, a mean) have no say: they are read once.
 */
function runsAlong(
  { kept, reduced }: { readonly kept: Nest; readonly reduced: Nest },
  inputs: number,
): boolean {
  let balance = 0
  for (let i = 0; i < inputs; i++) {
    if (reduced.strides[i]!.every((stride) => stride === 0)) continue
    if (reduced.strides[i]!.at(-1) === 1) balance--
    else if (kept.strides[i]!.at(-1) === 1) balance++
  }
  return balance > 0
}

export class ReduceRunner {
  readonly #device: Device
  readonly #map: MapRunner
  /** By program, then by combine and `finish`. */
  readonly #entries: Map<string, Entry>[] = []

  /** `map` fills outputs whose elements reduce nothing. */
  constructor(device: Device, map: MapRunner) {
    this.#device = device
    this.#map = map
  }

  run(
    reduction: Reduction,
    inputs: readonly View[],
    output: View,
    scalars: readonly number[],
  ): void {
    const { program } = reduction
    const { name } = program
    this.#device.context.enter(name)
    const entry = this.#entry(reduction)
    checkViews(inputs, program.inputs, 'input', name)
    checkViews([output], [entry.output], 'output', name)
    checkScalars(program, scalars)
    const shape = inputs[0]?.shape ?? output.shape
    const reduced = reducedAxes(shape, inputs, output, name)
    if (sizeOf(output.shape) === 0) return
    if (sizeOf(shape) === 0) {
      this.#map.run(entry.empty, [], [output], scalars)
      return
    }
    let last = checkBounds(output, name)
    for (const view of inputs) last = Math.max(last, checkBounds(view, name))
    const large = isLarge(last, sizeOf(shape))
    const nests = splitNest(
      shape,
      [
        ...inputs.map((view) => view.strides),
        ...entry.counters.map((key) => counterStrides(key, shape)),
        output.strides.map((stride, axis) => (reduced[axis] ? 0 : stride)),
      ],
      reduced,
    )
    const outputs = sizeOf(nests.kept.extents)
    const elements = sizeOf(nests.reduced.extents)
    const along = runsAlong(nests, inputs.length)
    const { multiprocessors } = this.#device.context
    const widest = program.inputs.some(isHalf) ? mostWidth : vectorWidth
    const dealt = deal(outputs, elements, along, multiprocessors, widest)
    const sources = inputs.map((view) => this.#device.address(view, name))
    const target = this.#device.address(output, name)
    const first = { entry, nests, sources, outputs, elements, large, scalars }
    if (dealt.parts === 1) {
      this.#pass(first, dealt, [target], false)
      return
    }
    const count = dealt.parts * outputs
    const bytes = Math.ceil((count * bytesOf(entry.dtype)) / vectorBytes) * vectorBytes
    const located = locates(reduction.combine) ? 4 * count : 0
    this.#device.pool.scratch(bytes + located, (scratch) => {
      const partial = located > 0 ? [scratch, scratch + bytes] : [scratch]
      this.#pass(first, dealt, partial, true)
      this.#joinParts(first, dealt.parts, partial, target)
    })
  }

  /** One pass over the elements, to the output or to a partial result for each part. */
  #pass(
    call: Call,
    { threads, parts, chunk }: Deal,
    targets: readonly number[],
    partial: boolean,
  ): void {
    const { entry, nests, sources, outputs, elements, large, scalars } = call
    const { kept, reduced } = nests
    const { program } = entry.reduction
    const kinds = sources.map((_, i) => {
      const stride = reduced.strides[i]!.at(-1)
      return stride === 1 ? step.unit : stride === 0 ? step.fixed : step.strided
    })
    const inner = reduced.extents.at(-1)!
    const fits = (width: number): boolean =>
      inner % width === 0 &&
      kinds.every(
        (kind, i) =>
          kind !== step.unit ||
          (kept.strides[i]!.every((stride) => stride % width === 0) &&
            reduced.strides[i]!.slice(0, -1).every((stride) => stride % width === 0)),
      )
    const width = threads > 1 ? widthOf(program.inputs, kinds, sources, fits) : 1
    const kernel = this.#kernel(entry, {
      program,
      partial,
      counters: entry.counters,
      kept: kept.extents.length,
      reduced: reduced.extents.length,
      kinds,
      threads,
      width,
      large,
    })
    const { context } = this.#device
    const put = (value: number): void => (large ? context.long(value) : context.int(value))
    context.begin()
    for (const source of sources) context.address(source)
    for (const target of targets) context.address(target)
    put(outputs)
    put(elements)
    put(chunk)
    putExtents(context, kept.extents, large)
    putExtents(context, reduced.extents, large)
    const operands = sources.length + entry.counters.length
    for (let o = 0; o < operands; o++) {
      for (const stride of kept.strides[o]!) put(stride)
      for (const stride of reduced.strides[o]!) put(stride)
    }
    if (!partial) for (const stride of kept.strides[operands]!) put(stride)
    this.#device.scalars(program.scalars, scalars)
    this.#launch(kernel, outputs, threads, parts)
  }

  /** The second pass: joins the parts of each output, in their order. */
  #joinParts(
    { entry, nests, outputs, large, scalars }: Call,
    parts: number,
    sources: readonly number[],
    target: number,
  ): void {
    const { kept } = nests
    const threads = outputs >= 1024 ? 1 : threadsFor(parts)
    const kernel = this.#kernel(entry, {
      program: undefined,
      partial: false,
      counters: [],
      kept: kept.extents.length,
      reduced: 1,
      kinds: [],
      threads,
      width: 1,
      large,
    })
    const { context } = this.#device
    const put = (value: number): void => (large ? context.long(value) : context.int(value))
    context.begin()
    for (const source of sources) context.address(source)
    context.address(target)
    put(outputs)
    put(parts)
    put(parts)
    putExtents(context, kept.extents, large)
    for (const stride of kept.strides.at(-1)!) put(stride)
    this.#device.scalars(entry.reduction.program.scalars, scalars)
    this.#launch(kernel, outputs, threads, 1)
  }

  #launch(kernel: Kernel, outputs: number, threads: number, parts: number): void {
    const rows = blockThreads / threads
    const blocks = Math.ceil(outputs / rows)
    // Of few outputs a whole block would have more idle threads than busy ones.
    const width = blocks === 1 ? Math.ceil(outputs / 32) * 32 : blockThreads
    if (threads === 1) this.#device.context.launch(kernel, blocks, parts, 1, width)
    else this.#device.context.launch(kernel, blocks, parts, 1, threads, rows)
  }

  #kernel(
    { reduction, kernels, dtype }: Entry,
    variant: Omit<ReduceKernel, 'name' | 'scalars' | 'dtype' | 'combine' | 'finish'>,
  ): Kernel {
    const { program, partial, kept, reduced, kinds, threads, width, large } = variant
    const key = `${program !== undefined} ${partial} ${kept} ${reduced} ${kinds.join('')} ${threads} ${width} ${large}`
    let kernel = kernels.get(key)
    if (!kernel) {
      const { name } = reduction.program
      const { combine, finish } = reduction
      const scalars = reduction.program
      const { source, entry } = reduceSource({ ...variant, name, scalars, dtype, combine, finish })
      kernel = this.#device.kernel(source, entry, name)
      kernels.set(key, kernel)
    }
    return kernel
  }

  #entry(reduction: Reduction): Entry {
    const { program, combine, finish } = reduction
    let entries = this.#entries[program.id]
    if (!entries) {
      entries = new Map()
      this.#entries[program.id] = entries
    }
    const key = `${combine} ${finish?.id}`
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
  const dtype = outputsOf(program)[0]!
  const combined = combinedType(reduction)
  const nothing = constant(locates(combine) ? 0 : neutral(combine, dtype), combined)
  return {
    reduction,
    counters: countersOf(program),
    dtype,
    output: finish ? outputsOf(finish)[0]! : combined,
    empty: build({ name: program.name, inputs: [], scalars: program.scalars }, (...scalars) =>
      finish ? inline(finish, [nothing, ...scalars]) : nothing,
    ),
    kernels: new Map(),
  }
}
