/** Runs `map`: finds or makes the kernel of a program for the layout of a call. */
import {
  program as build,
  checkBounds,
  checkScalars,
  checkShape,
  checkViews,
  collapse,
  DeviceError,
  type DType,
  inline,
  type Program,
  ShapeError,
  sizeOf,
  type View,
} from '@nablajs/tensor/backend'
import type { KernelSource, Runtime } from '../runtime/kernel.ts'
import { checkDtypes } from './instructions.ts'
import { type Kind, mapGroup, mapKernel } from './map-kernel.ts'
import { quad, quadsKernel, vectorsOf } from './map-quads.ts'
import { bind, type Counter, counterStrides, countersOf, ParamWriter, spread } from './operands.ts'

interface Entry {
  readonly outputs: readonly DType[]
  /** Those that need strides; `position` is the number of the invocation. */
  readonly counters: readonly Counter[]
  readonly kernels: Map<string, KernelSource>
}

const letters: Readonly<Record<Kind, string>> = { dense: 'd', fixed: 'f', strided: 's' }

function kindOf({ shape, strides }: View): Kind {
  let dense = true
  let fixed = true
  let expected = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const extent = shape[axis]!
    if (extent === 1) continue
    if (strides[axis] !== expected) dense = false
    if (strides[axis] !== 0) fixed = false
    expected *= extent
  }
  return dense ? 'dense' : fixed ? 'fixed' : 'strided'
}

export class MapRunner {
  readonly #runtime: Runtime
  readonly #entries: Map<number, Entry> = new Map()
  readonly #params: ParamWriter = new ParamWriter()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  run(
    program: Program,
    inputs: readonly View[],
    outputs: readonly View[],
    scalars: readonly number[],
  ): void {
    const { name } = program
    const entry = this.#entries.get(program.id) ?? this.#enter(program)
    checkViews(inputs, program.inputs, 'input', name)
    checkViews(outputs, entry.outputs, 'output', name)
    checkScalars(program, scalars)
    const { shape } = outputs[0]!
    const views = [...inputs, ...outputs]
    for (const view of views) {
      checkShape(view, shape, name)
      checkBounds(view, name)
    }
    const count = sizeOf(shape)
    if (count === 0) return
    for (const [i, { strides }] of outputs.entries())
      if (strides.some((stride, axis) => stride === 0 && shape[axis]! > 1))
        throw new ShapeError(`${name}: output ${i} repeats elements`)

    const bindings = bind(inputs, outputs)
    if (bindings.buffers.length > this.#runtime.limits.maxStorageBuffersPerShaderStage) {
      this.#split(program, inputs, outputs, scalars)
      return
    }
    const { counters } = entry
    const kinds = views.map(kindOf)
    for (const _ of counters) kinds.push('strided')
    const strided = kinds.includes('strided')
    const loops = strided
      ? collapse(shape, [
          ...views.map((view) => view.strides),
          ...counters.map((counter) => counterStrides(counter, shape)),
        ])
      : undefined
    // A single element has no loops left.
    const rank = loops ? Math.max(1, loops.shape.length) : 0

    const vectors = vectorsOf(program, views, kinds, bindings, count, loops)
    const layout = kinds.map((kind) => letters[kind]).join('')
    const quads = vectors?.map(Number).join('') ?? ''
    const key = `${rank}${layout}${quads} ${bindings.of.join()}`
    let kernel = entry.kernels.get(key)
    if (!kernel) {
      const spec = { program, bindings, kinds, counters, rank }
      kernel = vectors ? quadsKernel(spec, vectors) : mapKernel(spec)
      entry.kernels.set(key, kernel)
    }

    const params = this.#params
    params.restart()
    params.int(count)
    params.int(0)
    const axes = loops?.shape.length ? loops.shape : [1]
    if (loops) params.ints(axes)
    for (let k = 0; k < kinds.length; k++) {
      if (k < views.length) params.int(views[k]!.offset)
      if (kinds[k] !== 'strided') continue
      if (loops!.shape.length > 0) params.ints(loops!.strides[k]!)
      else params.int(0)
    }
    for (let i = 0; i < scalars.length; i++) params.scalar(program.scalars[i]!, scalars[i]!)

    const groups = Math.ceil(count / (vectors ? mapGroup * quad : mapGroup))
    this.#runtime.dispatch({
      kernel,
      buffers: bindings.buffers,
      params: params.written,
      groups: spread(groups, this.#runtime.limits.maxComputeWorkgroupsPerDimension, name),
    })
  }

  #enter(program: Program): Entry {
    checkDtypes(program, this.#runtime.features)
    const entry: Entry = {
      outputs: program.outputs.map((output) => program.code[output]!.dtype),
      counters: countersOf(program).filter((counter) => counter !== 'position'),
      kernels: new Map(),
    }
    this.#entries.set(program.id, entry)
    return entry
  }

  /**
   * A map of more buffers than a shader binds, as one for each output. Outputs that a later part still
   * reads as inputs are the reason why that may be impossible.
   */
  #split(
    program: Program,
    inputs: readonly View[],
    outputs: readonly View[],
    scalars: readonly number[],
  ): void {
    const most = this.#runtime.limits.maxStorageBuffersPerShaderStage
    const parts = outputs.map((output, j) => partOf(program, j, inputs, output))
    const tooLarge = parts.some((part) => bind(part.inputs, [part.output]).buffers.length > most)
    if (tooLarge || outputs.length === 1)
      throw new DeviceError(
        `${program.name}: one output needs more than ${most} buffers, which is all that a shader of this ` +
          'device binds; compute it in steps',
      )
    const pending = [...parts]
    while (pending.length > 0) {
      // One whose output nobody else reads any more.
      const next = pending.findIndex((part) =>
        pending.every(
          (other) => other === part || other.inputs.every((v) => v.buffer !== part.output.buffer),
        ),
      )
      if (next < 0)
        throw new DeviceError(
          `${program.name}: ${bind(inputs, outputs).buffers.length} buffers are more than the ${most} that ` +
            'a shader of this device binds, and its outputs overwrite what others need; update fewer at once',
        )
      const [part] = pending.splice(next, 1)
      this.run(part!.program, part!.inputs, [part!.output], scalars)
    }
  }
}

/** One output of a program, with the inputs that it reads. */
function partOf(source: Program, output: number, inputs: readonly View[], view: View) {
  const needed = new Set<number>([source.outputs[output]!])
  for (let i = source.code.length - 1; i >= 0; i--)
    if (needed.has(i)) for (const arg of source.code[i]!.args) needed.add(arg)
  const reads = inputs
    .map((_, i) => i)
    .filter((i) => source.code.some((l, n) => needed.has(n) && l.op === 'input' && l.value === i))
  const program = build(
    {
      name: source.name,
      inputs: reads.map((i) => source.inputs[i]!),
      scalars: source.scalars,
    },
    (...leaves) => {
      // What the output does not need may stand on any leaf: it is dropped again.
      const all = source.inputs.map((_, i) => leaves[reads.indexOf(i)] ?? leaves[0]!)
      return inline(source, [...all, ...leaves.slice(reads.length)])[output]!
    },
  )
  return { program, inputs: reads.map((i) => inputs[i]!), output: view }
}
