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
import { isLarge, nestOf, putExtents, vectorBytes, vectorWidth } from './layout.ts'
import { blockThreads, mapSource } from './map-source.ts'

interface Entry {
  readonly program: Program
  readonly outputs: readonly DType[]
  readonly counters: readonly string[]
  /** Whether a call on dense views can take the short way. */
  readonly flat: boolean
  readonly kernels: Map<string, Kernel>
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
    const aligned = addresses.every(
      (address, o) => kinds[o] !== step.unit || address % vectorBytes === 0,
    )
    const width = aligned && size >= vectorWidth ? vectorWidth : 1
    const kernel = this.#kernel(entry, kinds, 0, width, large)
    const { context } = this.#device
    context.begin()
    for (const address of addresses) context.address(address)
    if (large) context.long(size)
    else context.int(size)
    this.#device.scalars(entry.program.scalars, scalars)
    context.launch(kernel, Math.ceil(size / width / blockThreads), 1, 1, blockThreads)
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
    // Where some operand is dense along the last loop and begins each row of it well.
    const vectors =
      inner % vectorWidth === 0 &&
      kinds.includes(step.unit) &&
      kinds.every(
        (kind, o) =>
          kind !== step.unit ||
          (addresses[o]! % vectorBytes === 0 &&
            strides[o]!.every((stride, loop) => loop === loops - 1 || stride % vectorWidth === 0)),
      )
    const width = vectors ? vectorWidth : 1
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

  #kernel(
    entry: Entry,
    kinds: readonly StepKind[],
    loops: number,
    width: number,
    large: boolean,
  ): Kernel {
    const key = `${kinds.join('')} ${loops} ${width} ${large}`
    let kernel = entry.kernels.get(key)
    if (!kernel) {
      const { program, counters } = entry
      const { source, entry: name } = mapSource({ program, counters, kinds, loops, width, large })
      kernel = this.#device.kernel(source, name, program.name)
      entry.kernels.set(key, kernel)
    }
    return kernel
  }

  #enter(program: Program): Entry {
    const counters = countersOf(program)
    const entry: Entry = {
      program,
      outputs: outputsOf(program),
      counters,
      flat: counters.every((key) => key === 'position'),
      kernels: new Map(),
    }
    this.#entries[program.id] = entry
    return entry
  }
}
