/** The machinery of reductions: one pass over memory, and a gradient that is derived. */
import { isTracked, record } from '../autograd.ts'
import type { Combine } from '../backend.ts'
import { type DType, isHalf } from '../dtype.ts'
import { reducedShape, type Shape, sameShape } from '../layout.ts'
import { inline, type Program, program, type Signature } from '../program/program.ts'
import type { Scalar } from '../program/scalar.ts'
import { Tensor } from '../tensor.ts'
import { deviceOf, expandView, isIdentity, mapOp, outputType, runMap } from './map.ts'
import { expand, reshape } from './movement.ts'

export interface Recipe {
  readonly program: Program
  readonly combine: Combine
  readonly finish?: Program
}

const widened = new Map<string, Recipe>()

/** The reduction of halves as one of f32, whose result is rounded once. */
function widen({ program: source, combine, finish }: Recipe): Recipe {
  const key = `${combine} ${source.id} ${finish?.id}`
  let wide = widened.get(key)
  if (!wide) {
    const { name, inputs, scalars } = source
    const terms = program({ name, inputs, scalars }, (...leaves) =>
      inline(source, leaves)[0]!.cast('f32'),
    )
    const whole = combine.startsWith('arg')
    const end = program({ name, inputs: [whole ? 'i32' : 'f32'], scalars }, (total, ...rest) =>
      finish ? inline(finish, [total!, ...rest]) : whole ? total! : total!.cast(outputType(source)),
    )
    wide = { program: terms, combine, finish: end }
    widened.set(key, wide)
  }
  return wide
}

/** Runs a reduction of tensors that broadcast to `space`; the reduced axes stay, with size 1. Unrecorded. */
export function runReduce(
  recipe: Recipe,
  inputs: readonly Tensor[],
  space: Shape,
  axes: readonly number[],
  scalars: readonly number[] = [],
): Tensor {
  const wide = isHalf(outputType(recipe.program)) ? widen(recipe) : recipe
  const { program: source, combine, finish } = wide
  const device = deviceOf(source.name, inputs)
  const dtype = combine.startsWith('arg') ? 'i32' : outputType(finish ?? source)
  const out = Tensor.make(device, dtype, reducedShape(space, axes))
  device.reduce(
    wide,
    inputs.map((t) => expandView(t, space)),
    out,
    scalars,
  )
  return out
}

/** Drops reduced axes, unless they are to be kept. */
export function squeezeAxes(
  t: Tensor,
  axes: readonly number[],
  options: { keepdim?: boolean },
): Tensor {
  if (options.keepdim || axes.length === 0) return t
  return reshape(
    t,
    t.shape.filter((_, axis) => !axes.includes(axis)),
  )
}

/** A one-input program, made once for each dtype. */
export function unaryProgram(
  name: string,
  body: (x: Scalar, ...scalars: Scalar[]) => Scalar,
  scalars: (dtype: DType) => Signature['scalars'] = () => [],
): (dtype: DType) => Program {
  const made = new Map<DType, Program>()
  return (dtype) => {
    let found = made.get(dtype)
    if (!found) {
      const signature = { name, inputs: [dtype], scalars: scalars(dtype) ?? [] }
      found = program(signature, (x, ...rest) => body(x!, ...rest))
      made.set(dtype, found)
    }
    return found
  }
}

/** `x`, for sums and extrema of plain values. */
export const identity: (dtype: DType) => Program = unaryProgram('sum', (x) => x)

/** The axes on which a tensor of shape `to` is repeated to become `from`. */
export function repeatedAxes(from: Shape, to: Shape): number[] {
  const lead = from.length - to.length
  return from.map((_, axis) => axis).filter((axis) => axis < lead || to[axis - lead] !== from[axis])
}

/**
 * `sum over axes of program(inputs)`, in one pass over memory, for tensors that broadcast to
 * `space`. The gradient is derived: `g`, repeated over the axes, through the program's chain rule;
 * that of an input that was repeated is again one such sum. The reduced axes stay, with size 1.
 */
export function sumOf(
  source: Program,
  inputs: readonly Tensor[],
  space: Shape,
  axes: readonly number[],
  scalars: readonly number[] = [],
): Tensor {
  const out = runReduce({ program: source, combine: 'sum' }, inputs, space, axes, scalars)
  if (!isTracked(inputs)) return out
  const op = mapOp(source)
  const gradients = inputs.map((t, i) => (t.requiresGrad ? op.gradient(i) : null))
  // Operand 0 of a gradient is g, operand k + 1 is input k.
  const used = [...new Set(gradients.flatMap((gradient) => gradient?.uses ?? []))]
  const kept = used.filter((operand) => operand !== 0)
  const saved = kept.map((operand) => inputs[operand - 1]!)
  const shapes = inputs.map((t) => t.shape)
  return record(source.name, out, inputs, saved, (g, values, needs) => {
    const wide = expand(g, space)
    return gradients.map((gradient, i) => {
      if (!gradient || !needs[i]) return undefined
      const { program: rule, uses } = gradient
      const operands = uses.map((operand) =>
        operand === 0 ? wide : values[kept.indexOf(operand)]!,
      )
      const shape = shapes[i]!
      if (sameShape(shape, space))
        return isIdentity(rule) ? wide : runMap(mapOp(rule), operands, scalars)
      return reshape(sumOf(rule, operands, space, repeatedAxes(space, shape), scalars), shape)
    })
  })
}

/** Sums over the axes on which a tensor of `shape` was repeated: the transpose of `expand`. */
export function sumTo(t: Tensor, shape: Shape): Tensor {
  if (sameShape(t.shape, shape)) return t
  const axes = repeatedAxes(t.shape, shape)
  return reshape(sumOf(identity(t.dtype), [t], t.shape, axes), shape)
}
