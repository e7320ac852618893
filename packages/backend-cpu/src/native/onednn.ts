/** Convolutions by oneDNN of the system, on the device's own memory. */
import { DeviceError } from '@nablajs/tensor/backend'
import { parallel, pays, workOf } from './convolution.ts'
import {
  type Choice,
  type Koffi,
  load,
  pathOf,
  type Settings,
  threadsFor,
  unusable,
} from './library.ts'
import { Arena, type Block, bindOneDnn, code, type OneDnnApi, unimplemented } from './onednn-api.ts'
import type { Convolution, NativeLibrary, Pass } from './types.ts'

const names: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  linux: ['libdnnl.so.3', 'libdnnl.so.2', 'libdnnl.so'],
  darwin: [
    '/opt/homebrew/opt/onednn/lib/libdnnl.dylib',
    '/usr/local/opt/onednn/lib/libdnnl.dylib',
    'libdnnl.dylib',
  ],
  win32: ['dnnl.dll'],
}

/** Plans that are kept; a network has three for each shape of its convolutions. */
const capacity = 256

type Pointer = number

/** Handles for memory objects that get their address later, or memory of their own. */
const nowhere = 0
const allocate = 0xffff_ffff_ffff_ffffn

/** The descriptions of a convolution's arrays, and its strides, dilations and paddings. */
interface Layouts {
  readonly x: Pointer
  readonly weight: Pointer
  /** The weight in a layout that oneDNN may choose: it is small beside the images, and reordering pays. */
  readonly freeWeight: Pointer
  readonly y: Pointer
  readonly geometry: readonly Pointer[]
}

/** What it takes to run one kind of convolution again: memory objects, and primitives in order. */
interface Plan {
  readonly x: Pointer
  readonly weight: Pointer
  readonly y: Pointer
  readonly steps: readonly Step[]
  /** Frees everything that oneDNN holds for the plan. */
  readonly destroy: () => void
}

interface Step {
  readonly primitive: Pointer
  readonly count: number
  readonly args: Block
}

/** The numbers of the arguments of each pass, and of the weight's description. */
const passes = {
  forward: { x: code.source, weight: [code.weight, code.weightDesc], y: code.output },
  gradInput: {
    x: code.sourceGradient,
    weight: [code.weight, code.weightDesc],
    y: code.outputGradient,
  },
  gradWeight: {
    x: code.source,
    weight: [code.weightGradient, code.weightGradientDesc],
    y: code.outputGradient,
  },
} as const satisfies Record<Pass, unknown>

/** What OpenMP was last set to: the count is one for the process, while devices and calls differ. */
let threadsNow = 0

export class OneDnn {
  readonly library: NativeLibrary
  readonly #api: OneDnnApi
  readonly #settings: Settings
  readonly #engine: Pointer
  readonly #stream: Pointer
  /** By shape, the one used last at the end; null where oneDNN has nothing better than its reference loops. */
  readonly #plans: Map<string, Plan | null> = new Map()
  /** For results. */
  readonly #cell: Block
  readonly #arena: Arena

  constructor(api: OneDnnApi, library: NativeLibrary, settings: Settings) {
    this.#api = api
    this.#settings = settings
    this.library = library
    this.#cell = api.block(8)
    this.#arena = new Arena(api.block)
    this.#engine = this.#create('engine', (at) => api.engineCreate(at, code.cpu, 0))
    this.#stream = this.#create('stream', (at) => api.streamCreate(at, this.#engine, code.inOrder))
  }

  convolution(pass: Pass, convolution: Convolution): boolean {
    const { x, weight, y, geometry } = convolution
    const { stride, padding, dilation, groups } = geometry
    if (!this.#settings.always && !pays(pass, convolution)) return false
    const key = `${pass} ${x} ${weight} ${y} ${stride} ${padding} ${dilation} ${groups}`
    // The plan is for as many threads as are set when it is made.
    this.#useThreads(threadsFor(this.#settings, workOf(convolution), parallel))
    const plan = this.#planFor(key, pass, convolution)
    if (!plan) return false
    const { base } = this.#settings.addresses
    this.#check(pass, this.#api.memorySetHandle(plan.x, base + convolution.xAt))
    this.#check(pass, this.#api.memorySetHandle(plan.weight, base + convolution.weightAt))
    this.#check(pass, this.#api.memorySetHandle(plan.y, base + convolution.yAt))
    for (const { primitive, count, args } of plan.steps)
      this.#check(pass, this.#api.execute(primitive, this.#stream, count, args.at))
    this.#check(pass, this.#api.streamWait(this.#stream))
    return true
  }

  dispose(): void {
    for (const plan of this.#plans.values()) plan?.destroy()
    this.#plans.clear()
  }

  #useThreads(threads: number): void {
    if (threadsNow === threads) return
    this.#api.setThreads?.(threads)
    threadsNow = threads
  }

  #planFor(key: string, pass: Pass, convolution: Convolution): Plan | null {
    const known = this.#plans.get(key)
    if (known !== undefined) {
      this.#plans.delete(key)
      this.#plans.set(key, known)
      return known
    }
    const plan = this.#plan(pass, convolution)
    this.#plans.set(key, plan)
    if (this.#plans.size > capacity) {
      const [oldest, old] = this.#plans.entries().next().value!
      this.#plans.delete(oldest)
      old?.destroy()
    }
    return plan
  }

  #plan(pass: Pass, convolution: Convolution): Plan | null {
    const undo: (() => void)[] = []
    const destroy = () => {
      for (const action of undo.splice(0).reverse()) action()
    }
    this.#arena.reset()
    try {
      const layouts = this.#layouts(convolution, undo)
      const primitiveDesc = this.#primitiveDesc(pass, layouts, undo)
      if (primitiveDesc !== undefined) return this.#assemble(pass, primitiveDesc, layouts, undo)
      destroy()
      return null
    } catch (error) {
      destroy()
      throw error
    }
  }

  #layouts({ x, weight, y, geometry }: Convolution, undo: (() => void)[]): Layouts {
    const [n, h, w, c] = x as [number, number, number, number]
    const [r, s, cg, k] = weight as [number, number, number, number]
    const [, oh, ow] = y as [number, number, number, number]
    const { stride, padding, dilation, groups } = geometry
    const kg = k / groups
    const images = (rows: number, columns: number, channels: number) =>
      this.#desc(
        undo,
        [n, channels, rows, columns],
        [rows * columns * channels, 1, columns * channels, channels],
      )
    const [dims, strides] =
      groups === 1
        ? [
            [k, c, r, s],
            [1, k, s * c * k, c * k],
          ]
        : [
            [groups, kg, cg, r, s],
            [kg, 1, k, s * cg * k, cg * k],
          ]
    const after = (axis: 0 | 1, size: number, taps: number, outputs: number) =>
      (outputs - 1) * stride[axis] + (taps - 1) * dilation[axis] + 1 - size - padding[axis]
    const integers = (values: readonly number[]) => this.#arena.integers(values)
    return {
      x: images(h, w, c),
      weight: this.#desc(undo, dims!, strides),
      freeWeight: this.#desc(undo, dims!),
      y: images(oh, ow, k),
      geometry: [
        integers(stride),
        integers(dilation.map((step) => step - 1)),
        integers(padding),
        integers([after(0, h, r, oh), after(1, w, s, ow)]),
      ],
    }
  }

  /** The description of the pass, or undefined where oneDNN has no fast way. */
  #primitiveDesc(
    pass: Pass,
    { x, freeWeight, y, geometry }: Layouts,
    undo: (() => void)[],
  ): Pointer | undefined {
    const api = this.#api
    const operands = { x, weight: freeWeight, y, geometry }
    const make = (own: Pass, hint: Pointer): Pointer | undefined => {
      const { dialect } = api
      const status = dialect.convolution(
        ...([this.#cell, this.#arena, this.#engine, own, operands, hint] as const),
      )
      if (status === unimplemented) return undefined
      this.#check(own, status)
      const made = this.#cellValue()
      undo.push(() => api.primitiveDescDestroy(made))
      return made
    }
    let made = make('forward', 0)
    if (pass !== 'forward' && made !== undefined) made = make(pass, made)
    if (made === undefined) return undefined
    this.#check(pass, api.primitiveDescQuery(made, code.implementation, 0, this.#cell.at))
    return api.text(this.#cellValue()).startsWith('ref') ? undefined : made
  }

  #assemble(pass: Pass, desc: Pointer, layouts: Layouts, undo: (() => void)[]): Plan {
    const api = this.#api
    const roles = passes[pass]
    const memory = (layout: Pointer, handle: bigint | number) => {
      const made = this.#create('memory', (at) =>
        api.memoryCreate(at, layout, this.#engine, handle),
      )
      undo.push(() => api.memoryDestroy(made))
      return made
    }
    const primitive = (own: Pointer) => {
      const made = this.#create('primitive', (at) => api.primitiveCreate(at, own))
      undo.push(() => api.primitiveDestroy(made))
      return made
    }
    const x = memory(layouts.x, nowhere)
    const y = memory(layouts.y, nowhere)
    const weight = memory(layouts.weight, nowhere)
    const wanted = api.primitiveDescQueryDesc(desc, roles.weight[1], 0)
    const same = api.descEqual(wanted, layouts.weight) !== 0
    const inner = same ? weight : memory(wanted, allocate)
    const steps = [
      this.#step(primitive(desc), [
        [roles.x, x],
        [roles.weight[0], inner],
        [roles.y, y],
      ]),
    ]
    if (!same) {
      const output = pass === 'gradWeight'
      const [from, to] = output ? [wanted, layouts.weight] : [layouts.weight, wanted]
      const own = this.#create('reorder', (at) =>
        api.reorderDescCreate(at, from, this.#engine, to, this.#engine, 0),
      )
      undo.push(() => api.primitiveDescDestroy(own))
      const reorder = this.#step(primitive(own), [
        [code.source, output ? inner : weight],
        [code.output, output ? weight : inner],
      ])
      if (output) steps.push(reorder)
      else steps.unshift(reorder)
    }
    return {
      x,
      weight,
      y,
      steps,
      destroy: () => {
        for (const action of undo.splice(0).reverse()) action()
      },
    }
  }

  /** A primitive with its arguments: records of a number, padded to 8 bytes, and a memory object. */
  #step(primitive: Pointer, args: readonly (readonly [number, Pointer])[]): Step {
    const list = this.#api.block(16 * args.length)
    const words = new BigInt64Array(list.bytes.buffer)
    for (const [i, [argument, memory]] of args.entries())
      words.set([BigInt(argument), BigInt(memory)], 2 * i)
    return { primitive, count: args.length, args: list }
  }

  /** An array of floats with given strides, or in whatever layout oneDNN likes best. */
  #desc(undo: (() => void)[], dims: readonly number[], strides?: readonly number[]): Pointer {
    const { dialect } = this.#api
    const own = this.#arena.integers(dims)
    const steps = strides ? this.#arena.integers(strides) : 0
    this.#check('memory', dialect.desc(this.#cell, this.#arena, dims.length, own, steps))
    const desc = this.#cellValue()
    undo.push(() => dialect.descDestroy?.(desc))
    return desc
  }

  #create(what: string, make: (result: Pointer) => number): Pointer {
    this.#check(what, make(this.#cell.at))
    return this.#cellValue()
  }

  #cellValue(): Pointer {
    return Number(new BigUint64Array(this.#cell.bytes.buffer)[0]!)
  }

  #check(what: string, status: number): void {
    if (status !== 0)
      throw new DeviceError(`${what}: oneDNN ${this.library.version} failed with status ${status}`)
  }
}

/** Finds and binds oneDNN; why not, where there is none. A DeviceError where a named one cannot be used. */
export function openOneDnn(koffi: Koffi, choice: Choice, settings: Settings): OneDnn | string {
  const named = choice.name === 'auto' || choice.name === false ? undefined : choice.name
  const problems: string[] = []
  for (const name of named === undefined ? (names[process.platform] ?? []) : [named]) {
    const library = load(koffi, name)
    const api = typeof library === 'string' ? library : bindOneDnn(koffi, library)
    if (typeof library === 'string' || typeof api === 'string') {
      problems.push(String(api))
      continue
    }
    const info = {
      name: 'oneDNN',
      version: api.version,
      path: pathOf(library, /dnnl/i),
      threads: api.setThreads ? settings.threads : undefined,
    }
    return new OneDnn(api, info, settings)
  }
  if (named !== undefined) throw unusable(choice, problems.join('; '))
  return problems.find((problem) => problem.includes('is oneDNN')) ?? 'none is installed'
}
