/** Runs `map`: finds or makes the kernel of a program for the layout of a call. */
import {
  checkBounds,
  checkScalars,
  checkViews,
  type DType,
  flatKind,
  type Program,
  ShapeError,
  type StepKind,
  sizeOf,
  step,
  type View,
} from '@nablajs/tensor/backend'
import type { Kernel } from '../context.ts'
import type { Device } from '../device.ts'
import { counterStrides, countersOf, outputsOf } from './element.ts'
import { isLarge, nestOf, putExtents, widthOf } from './layout.ts'
import { blockThreads, mapSource } from './map-source.ts'
import { tiledMapSource, tileSide } from './map-tiled-source.ts'

interface Entry {
  readonly program: Program
  readonly outputs: readonly DType[]
  /** Of the inputs, then of the outputs. */
  readonly dtypes: readonly DType[]
  readonly counters: readonly string[]
  /** Whether a call on dense views can take the short way. */
  readonly flat: boolean
  /** Whether it waits for memory rather than computes, and a thread may have more than one vector. */
  readonly light: boolean
  readonly kernels: Map<string, Kernel>
}

/** Inputs and instructions of light programs at most. */
const [lightInputs, lightCode] = [2, 24]

/** Threads with one vector each that a multiprocessor runs, twice over: beyond it they get two, for more reads on their way. */
const fullThreads = 4096

/** Whether an operand is dense along the loop `across` and jumps along the last. */
const isTurned = (strides: readonly number[], across: number): boolean =>
  strides[across] === 1 && Math.abs(strides.at(-1)!) > 1

/**
 * The loop along which inputs are dense that jump along the last one, where the outputs are dense:
 * undefined where there is none, or it is too short for tiles.
 */
function acrossOf(
  extents: readonly number[],
  strides: readonly (readonly number[])[],
  kinds: readonly StepKind[],
  inputs: number,
): number | undefined {
  if (extents.at(-1)! < tileSide / 2) return undefined
  if (kinds.slice(inputs).some((kind) => kind !== step.unit)) return undefined
  for (let loop = extents.length - 2; loop >= 0; loop--)
    if (extents[loop]! >= tileSide / 2)
      for (let i = 0; i < inputs; i++) if (isTurned(strides[i]!, loop)) return loop
  return undefined
}

export class MapRunner {
  readonly #device: Device
  readonly #entries: Entry[] = []

  constructor(device: Device) {
    this.#device = device
  }

  run(
    program: Program,
    inputs: readonly View[],
    outputs: readonly View[],
    scalars: readonly number[],
  ): void {
    const { name } = program
    this.#device.context.enter(name)
    const entry = this.#entries[program.id] ?? this.#enter(program)
    checkViews(inputs, program.inputs, 'input', name)
    checkViews(outputs, entry.outputs, 'output', name)
    checkScalars(program, scalars)
    const { shape } = outputs[0]!
    const size = sizeOf(shape)
    const views = [...inputs, ...outputs]
    const kinds = views.map((view) => flatKind(view, shape, size, name))
    if (size === 0) return
    let last = 0
    for (const view of views) last = Math.max(last, checkBounds(view, name))
    const large = isLarge(last, size)
    const addresses = views.map((view) => this.#device.address(view, name))
    for (let o = inputs.length; o < kinds.length; o++)
      if (kinds[o] === step.fixed) throw new ShapeError(`${name}: output ${o} repeats elements`)
    if (entry.flat && !kinds.includes(step.strided))
      this.#flat(entry, kinds, addresses, size, large, scalars)
    else this.#general(entry, views, shape, addresses, large, scalars)
  }

  /** Dense views and single repeated values: one loop, in vectors where all dense ones lie well. */
  #flat(
    entry: Entry,
    kinds: readonly StepKind[],
    addresses: readonly number[],
    size: number,
    large: boolean,
    scalars: readonly number[],
  ): void {
    const width = widthOf(entry.dtypes, kinds, addresses, (wanted) => size >= wanted)
    const { multiprocessors } = this.#device.context
    const threads = size / width
    const times = width > 1 && entry.light && threads >= fullThreads * multiprocessors ? 2 : 1
    const kernel = this.#kernel(entry, kinds, 0, width, large, times)
    const { context } = this.#device
    context.begin()
    for (const address of addresses) context.address(address)
    if (large) context.long(size)
    else context.int(size)
    this.#device.scalars(entry.program.scalars, scalars)
    context.launch(kernel, Math.ceil(threads / times / blockThreads), 1, 1, blockThreads)
  }

  /** Any layout: as few loops as can be, and vectors along the last where it allows them. */
  #general(
    entry: Entry,
    views: readonly View[],
    shape: readonly number[],
    addresses: readonly number[],
    large: boolean,
    scalars: readonly number[],
  ): void {
    const { extents, strides } = nestOf(shape, [
      ...views.map((view) => view.strides),
      ...entry.counters.map((key) => counterStrides(key, shape)),
    ])
    const loops = extents.length
    const inner = extents[loops - 1]!
    const kinds = views.map((_, o) => {
      const stride = strides[o]![loops - 1]
      return stride === 1 ? step.unit : stride === 0 ? step.fixed : step.strided
    })
    const across = large
      ? undefined
      : acrossOf(extents, strides, kinds, entry.program.inputs.length)
    if (across !== undefined) {
      this.#tiled(entry, addresses, extents, strides, across, scalars)
      return
    }
    // Where some operand is dense along the last loop and begins each row of it well.
    const fits = (wanted: number): boolean =>
      inner % wanted === 0 &&
      kinds.every(
        (kind, o) =>
          kind !== step.unit ||
          strides[o]!.every((stride, loop) => loop === loops - 1 || stride % wanted === 0),
      )
    const width = widthOf(entry.dtypes, kinds, addresses, fits)
    const kernel = this.#kernel(entry, kinds, loops, width, large)
    const count = sizeOf(extents) / width
    const { context } = this.#device
    const put = (value: number): void => (large ? context.long(value) : context.int(value))
    context.begin()
    for (const address of addresses) context.address(address)
    put(count)
    putExtents(context, extents.with(-1, inner / width), large)
    for (const own of strides) for (const stride of own) put(stride)
    this.#device.scalars(entry.program.scalars, scalars)
    context.launch(kernel, Math.ceil(count / blockThreads), 1, 1, blockThreads)
  }

  /** Inputs that are dense along the loop `across` go through tiles in shared memory. */
  #tiled(
    entry: Entry,
    addresses: readonly number[],
    extents: readonly number[],
    strides: readonly (readonly number[])[],
    across: number,
    scalars: readonly number[],
  ): void {
    const { program, counters } = entry
    const loops = extents.length
    const turned = program.inputs.map((_, i) => isTurned(strides[i]!, across))
    const key = `tiled ${loops} ${across} ${turned}`
    let kernel = entry.kernels.get(key)
    if (!kernel) {
      const { source, entry: name } = tiledMapSource({ program, counters, loops, across, turned })
      kernel = this.#device.kernel(source, name, program.name)
      entry.kernels.set(key, kernel)
    }
    const tiles = extents.map((extent, loop) =>
      loop === across || loop === loops - 1 ? Math.ceil(extent / tileSide) : extent,
    )
    const { context } = this.#device
    context.begin()
    for (const address of addresses) context.address(address)
    putExtents(context, tiles, false)
    context.int(extents[across]!)
    context.int(extents[loops - 1]!)
    for (const own of strides) for (const stride of own) context.int(stride)
    this.#device.scalars(program.scalars, scalars)
    context.launch(kernel, sizeOf(tiles), 1, 1, blockThreads)
  }

  #kernel(
    entry: Entry,
    kinds: readonly StepKind[],
    loops: number,
    width: number,
    large: boolean,
    times: number = 1,
  ): Kernel {
    const key = `${kinds.join('')} ${loops} ${width} ${times} ${large}`
    let kernel = entry.kernels.get(key)
    if (!kernel) {
      const { program, counters } = entry
      const { source, entry: name } = mapSource({
        program,
        counters,
        kinds,
        loops,
        width,
        times,
        large,
      })
      kernel = this.#device.kernel(source, name, program.name)
      entry.kernels.set(key, kernel)
    }
    return kernel
  }

  #enter(program: Program): Entry {
    const counters = countersOf(program)
    const outputs = outputsOf(program)
    const entry: Entry = {
      program,
      outputs,
      dtypes: [...program.inputs, ...outputs],
      counters,
      light: program.inputs.length <= lightInputs && program.code.length <= lightCode,
      flat: counters.every((key) => key === 'position'),
      kernels: new Map(),
    }
    this.#entries[program.id] = entry
    return entry
  }
}
