/**
 * Scalar programs on tensors: broadcasting, the output, and the gradient, for every elementwise op.
 *
 * The gradient of a map is a map: for each input the program `(g, inputs, output) -> g dy/dx`. It
 * comes from `program/derivative.ts` unless the op brings its own. Only the operands that a gradient
 * program reads are saved. Outside of `createGraph`, the gradients of all inputs run as one kernel,
 * and that of a broadcast input is summed in the same kernel that computes it.
 */
import { isGradEnabled, isTracked, type Rule, record } from '../autograd.ts'
import type { Backend, View } from '../backend.ts'
import { type DType, isFloat } from '../dtype.ts'
import { DeviceError } from '../errors.ts'
import { broadcastShapes, broadcastStrides, type Shape, sameShape } from '../layout.ts'
import { chainRule } from '../program/derivative.ts'
import { inline, type Program, program } from '../program/program.ts'
import type { Scalar } from '../program/scalar.ts'
import { Tensor } from '../tensor.ts'
import { fillInto } from './fill.ts'
import { reshape } from './movement.ts'
import { repeatedAxes, sumOf, sumTo } from './sum.ts'

/** Builds the gradients of the inputs from that of the output; `undefined` is zero. */
export type GradientBuilder = (
  g: Scalar,
  y: Scalar,
  leaves: readonly Scalar[],
) => readonly (Scalar | undefined)[]

/** A gradient program over some of the operands: 0 is g, 1 .. n the inputs, n + 1 the output. */
interface GradientProgram {
  readonly program: Program
  readonly uses: readonly number[]
}

export function outputType(source: Program, output = 0): DType {
  return source.code[source.outputs[output]!]!.dtype
}

/** The program without the inputs it never reads, and which those are that it does. */
function prune(source: Program): GradientProgram {
  const uses = source.inputs
    .map((_, i) => i)
    .filter((i) => source.code.some((line) => line.op === 'input' && line.value === i))
  const pruned = program(
    { name: source.name, inputs: uses.map((i) => source.inputs[i]!), scalars: source.scalars },
    (...leaves) => {
      const all = source.inputs.map((_, i) => leaves[uses.indexOf(i)]!)
      return inline(source, [...all, ...leaves.slice(uses.length)])
    },
  )
  return { program: pruned, uses }
}

/** What a call records, by which of its inputs have gradients. */
interface Recipe {
  /** For each input, null where there is none. */
  readonly gradients: readonly (GradientProgram | null)[]
  /** The operands to save, numbered as in {@link GradientProgram}. */
  readonly kept: readonly number[]
}

/** A one-output program with its gradients, as {@link runMap} takes it. */
export class MapOp {
  readonly program: Program
  readonly #builder: GradientBuilder | undefined
  readonly #gradients: (GradientProgram | null | undefined)[] = []
  readonly #recipes = new Map<number, Recipe | null>()
  readonly #joint = new Map<string, GradientProgram>()

  constructor(source: Program, builder?: GradientBuilder) {
    this.program = source
    this.#builder = builder
  }

  /** The gradient for one input; null when it is zero everywhere. */
  gradient(input: number): GradientProgram | null {
    this.#gradients[input] ??= this.#build(input)
    return this.#gradients[input]!
  }

  /** What to record for these inputs; null when no gradient reaches any. */
  recipe(inputs: readonly Tensor[]): Recipe | null {
    let key = 0
    for (let i = 0; i < inputs.length; i++) if (inputs[i]!.requiresGrad) key += 2 ** i
    const known = this.#recipes.get(key)
    if (known !== undefined) return known
    const gradients = inputs.map((t, i) => (t.requiresGrad ? this.gradient(i) : null))
    const used = new Set(gradients.flatMap((gradient) => gradient?.uses ?? []))
    const none = gradients.every((gradient) => gradient === null)
    const recipe = none ? null : { gradients, kept: [...used].filter((k) => k !== 0) }
    // Beyond that a number does not tell all combinations apart.
    if (inputs.length <= 52) this.#recipes.set(key, recipe)
    return recipe
  }

  #build(input: number): GradientProgram | null {
    const { program: source } = this
    const builder = this.#builder
    if (!builder) {
      const rule = chainRule(source, input)
      return rule ? prune(rule) : null
    }
    let zero = false
    const type = outputType(source)
    const n = source.inputs.length
    const built = program(
      {
        name: `${source.name}'`,
        inputs: [type, ...source.inputs, type],
        scalars: source.scalars,
      },
      (g, ...rest) => {
        const leaves = [...rest.slice(0, n), ...rest.slice(n + 1)]
        const gradient = builder(g!, rest[n]!, leaves)[input]
        zero = gradient === undefined
        return gradient?.cast(source.inputs[input]!) ?? g!
      },
    )
    return zero ? null : prune(built)
  }

  /** The gradients for several inputs as one program with several outputs. */
  joint(inputs: readonly number[]): GradientProgram {
    const key = inputs.join()
    let found = this.#joint.get(key)
    if (!found) {
      const parts = inputs.map((input) => this.gradient(input)!)
      const n = this.program.inputs.length
      const type = outputType(this.program)
      const joined = program(
        {
          name: `${this.program.name}'`,
          inputs: [type, ...this.program.inputs, type],
          scalars: this.program.scalars,
        },
        (...leaves) => {
          const scalars = leaves.slice(n + 2)
          return parts.flatMap((part) =>
            inline(part.program, [...part.uses.map((k) => leaves[k]!), ...scalars]),
          )
        },
      )
      found = prune(joined)
      this.#joint.set(key, found)
    }
    return found
  }
}

const derivedOps = new Map<number, MapOp>()

/** The op of a bare program, whose gradient is derived. */
export function mapOp(source: Program): MapOp {
  let op = derivedOps.get(source.id)
  if (!op) {
    op = new MapOp(source)
    derivedOps.set(source.id, op)
  }
  return op
}

/** The device that all tensors of an op share. */
export function deviceOf(name: string, tensors: readonly Tensor[]): Backend {
  const { device } = tensors[0]!
  for (const t of tensors)
    if (t.device !== device)
      throw new DeviceError(
        `${name}: tensors on two devices, ${device.name} and ${t.device.name}; move one with await t.to(device)`,
      )
  return device
}

/** A tensor shown as `shape`, without recording and without a handle. */
export function expandView(t: Tensor, shape: Shape): View {
  if (sameShape(t.shape, shape)) return t
  const { buffer, dtype, offset } = t
  return { buffer, dtype, shape, strides: broadcastStrides(t.shape, t.strides, shape), offset }
}

/** Applies a one-output program to tensors that broadcast together. */
export function runMap(
  op: MapOp,
  inputs: readonly Tensor[],
  scalars: readonly number[] = [],
): Tensor {
  const { program: source } = op
  const device = deviceOf(source.name, inputs)
  const first = inputs[0]!.shape
  const same = inputs.every((t) => t.shape === first || sameShape(t.shape, first))
  const shape = same ? first : broadcastShapes(source.name, ...inputs.map((t) => t.shape))
  const out = Tensor.make(device, outputType(source), shape)
  device.map(source, same ? inputs : inputs.map((t) => expandView(t, shape)), [out], scalars)
  if (!isTracked(inputs)) return out
  return recordMap(op, inputs, scalars, out)
}

/**
 * Runs a one-output program on tensors that broadcast together; its gradient is derived. For an op
 * that is used often, `elementwise` also takes care of dtypes and numbers.
 *
 * @example
 * ```ts
 * const mse = program({ name: 'squaredError', inputs: ['f32', 'f32'] }, (a, b) => {
 *   const error = a.sub(b)
 *   return error.mul(error)
 * })
 * mapProgram(mse, [prediction, target]).mean().backward()
 * ```
 */
export function mapProgram(
  source: Program,
  inputs: readonly Tensor[],
  scalars: readonly number[] = [],
): Tensor {
  return runMap(mapOp(source), inputs, scalars)
}

function recordMap(
  op: MapOp,
  inputs: readonly Tensor[],
  scalars: readonly number[],
  out: Tensor,
): Tensor {
  const recipe = op.recipe(inputs)
  if (!recipe) return recordConstant(op.program.name, inputs, out)
  const { gradients, kept } = recipe
  const n = inputs.length
  const saved = kept.map((k) => (k === n + 1 ? out : inputs[k - 1]!))
  const shapes = inputs.map((t) => t.shape)

  const rule: Rule = (g, values, needs) => {
    const operands = (gradient: GradientProgram): Tensor[] =>
      gradient.uses.map((k) => (k === 0 ? g : values[kept.indexOf(k)]!))
    const result: (Tensor | undefined)[] = shapes.map(() => undefined)
    const dense: number[] = []
    for (const [i, gradient] of gradients.entries()) {
      if (!needs[i] || !gradient) continue
      if (isGradEnabled())
        result[i] = sumTo(runMap(mapOp(gradient.program), operands(gradient), scalars), shapes[i]!)
      else if (sameShape(shapes[i]!, out.shape)) dense.push(i)
      else result[i] = sumProduct(gradient, operands(gradient), out.shape, shapes[i]!, scalars)
    }
    if (dense.length > 0) {
      const joint = op.joint(dense)
      const outputs = mapInto(joint.program, operands(joint), g.shape, scalars)
      dense.forEach((i, k) => {
        result[i] = outputs[k]
      })
    }
    return result
  }
  return record(op.program.name, out, inputs, saved, rule)
}

/** Records an op that is constant almost everywhere (`floor`, `sign`): what it is made from gets zeros. */
function recordConstant(name: string, inputs: readonly Tensor[], out: Tensor): Tensor {
  if (!isFloat(out.dtype)) return out
  const layouts = inputs.map(({ dtype, shape }) => ({ dtype, shape }))
  return record(name, out, inputs, [], (g, _, needs) =>
    layouts.map(({ dtype, shape }, i) => {
      if (!needs[i]) return undefined
      const zeros = Tensor.make(g.device, dtype, shape)
      fillInto(g.device, zeros, 0)
      return zeros
    }),
  )
}

/** The gradient of an input that was repeated from `to` to `from`: computed and summed in one kernel. */
function sumProduct(
  { program: source }: GradientProgram,
  operands: readonly Tensor[],
  from: Shape,
  to: Shape,
  scalars: readonly number[],
): Tensor {
  return reshape(sumOf(source, operands, from, repeatedAxes(from, to), scalars), to)
}

/** Runs a program with several outputs over `shape`, unrecorded. */
function mapInto(
  source: Program,
  inputs: readonly Tensor[],
  shape: Shape,
  scalars: readonly number[],
): Tensor[] {
  const device = deviceOf(source.name, inputs)
  if (isIdentity(source)) return [inputs[0]!]
  const outputs = source.outputs.map((_, i) => Tensor.make(device, outputType(source, i), shape))
  device.map(
    source,
    inputs.map((t) => expandView(t, shape)),
    outputs,
    scalars,
  )
  return outputs
}

/** Whether a program hands its only input on as its only output. */
export function isIdentity({ code, outputs }: Program): boolean {
  return outputs.length === 1 && code[outputs[0]!]!.op === 'input'
}
