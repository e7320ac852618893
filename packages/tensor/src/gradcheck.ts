/** Checks gradients against differences of the function itself. */
import { enableGrad, noGrad } from './autograd.ts'
import { isFloat } from './dtype.ts'
import { ArgumentError, DTypeError, NablaError, showShape } from './errors.ts'
import { gradients } from './grad.ts'
import { sameShape, sizeOf } from './layout.ts'
import { scope } from './memory.ts'
import { tensor } from './ops/create.ts'
import type { Tensor } from './tensor.ts'

/** A gradient that differs from the slope of its function; thrown by {@link gradCheck}. */
export class GradientError extends NablaError {
  override name = 'GradientError'
}

export interface GradCheckOptions {
  /** Half the distance between the two points of each difference. Default 1e-6. */
  eps?: number
  /** Default 1e-5. */
  atol?: number
  /** Default 1e-3. */
  rtol?: number
  /** 2 also checks the gradient of the gradient. Default 1. */
  order?: 1 | 2
}

/** What {@link gradCheck} checks. */
type Differentiable = (...inputs: Tensor[]) => Tensor | readonly Tensor[]

const listOf = (value: Tensor | readonly Tensor[]): readonly Tensor[] =>
  Array.isArray(value) ? value : [value as Tensor]

/** Weights for the sum over outputs: all different, so that errors cannot cancel. */
function weightsFor(output: Tensor): Tensor {
  const golden = (Math.sqrt(5) - 1) / 2
  const values = Float64Array.from(
    { length: output.size },
    (_, i) => 0.5 + (((i + 1) * golden) % 1),
  )
  return tensor(values, { shape: output.shape, device: output.device, dtype: 'f64' })
}

/** The float outputs, each times its weights, as one number. */
function weightedSum(outputs: readonly Tensor[], weights: readonly Tensor[]): Tensor {
  const [first, ...rest] = outputs.map((output, i) => output.mul(weights[i]!).sum())
  return rest.reduce((total, part) => total.add(part), first!)
}

function floats(op: string, f: Differentiable, inputs: readonly Tensor[]): readonly Tensor[] {
  const outputs = listOf(f(...inputs)).filter((output) => isFloat(output.dtype))
  if (outputs.length === 0)
    throw new ArgumentError(`${op}: the function gave no floats; there is nothing to differentiate`)
  return outputs
}

/** Leaves with the values of `inputs`, of which the float ones have gradients. */
function leavesOf(inputs: readonly Tensor[]): Tensor[] {
  return inputs.map((input) => {
    const leaf = input.detach()
    if (isFloat(leaf.dtype)) leaf.requiresGrad = true
    return leaf
  })
}

function check(op: string, inputs: readonly Tensor[]): void {
  inputs.forEach((input, i) => {
    if (isFloat(input.dtype) && input.dtype !== 'f64')
      throw new DTypeError(
        `${op}: input ${i} is ${input.dtype}, in which differences are too coarse; ` +
          'cast it to f64, on a device that has it (reference() does)',
      )
  })
  if (!inputs.some((input) => isFloat(input.dtype)))
    throw new ArgumentError(`${op}: no input is a float; there is nothing to differentiate for`)
}

/** The numbers of every output one after the other. */
function evaluate(op: string, f: Differentiable, inputs: readonly Tensor[]): number[] {
  return noGrad(() =>
    scope(() => floats(op, f, inputs).flatMap((output) => Array.from(output.dataSync()))),
  )
}

/** The gradient of the weighted sum for each float input; zeros where nothing depends on it. */
function slopesOf(
  outputs: readonly Tensor[],
  weights: readonly Tensor[],
  leaves: readonly Tensor[],
  createGraph: boolean,
): Tensor[] {
  const total = weightedSum(outputs, weights)
  const wanted = leaves.filter((leaf) => leaf.requiresGrad)
  // A function that is flat everywhere is not recorded at all.
  return total.requiresGrad
    ? gradients(total, wanted, { createGraph })
    : wanted.map((leaf) => leaf.detach().zerosLike())
}

/** The index of an element, as `[1, 2]`. */
function showIndex(flat: number, shape: readonly number[]): string {
  const index: number[] = []
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(flat % shape[axis]!)
    flat = Math.floor(flat / shape[axis]!)
  }
  return showShape(index)
}

/** How many of the worst elements an error names. */
const SHOWN = 5

/**
 * Checks the gradients of `f` against two-sided differences `(f(x + eps) - f(x - eps)) / (2 eps)`,
 * element by element, for every float input. Of several outputs, and of those with many elements, a
 * weighted sum is differentiated.
 *
 * All floats must be f64, away from kinks; integer inputs are taken as constants. A gradient passes
 * when `|analytic - numeric| <= atol + rtol |numeric|`.
 *
 * @param f A function of tensors that gives a tensor or several, and the same each time.
 * @throws GradientError naming the worst elements.
 * @throws ArgumentError when two calls with the same inputs differ: fix the seed of what is random
 *   in the function, or pass it in.
 * @example
 * ```ts
 * setDevice(reference())
 * const x = tensor([0.3, -1.2], { dtype: 'f64' })
 * gradCheck((x) => x.tanh().mul(x), [x], { order: 2 })
 * ```
 */
export function gradCheck(
  f: Differentiable,
  inputs: readonly Tensor[],
  options: GradCheckOptions = {},
): void {
  checkFirst('gradCheck', f, inputs, options)
  if (options.order !== 2) return
  scope(() => {
    const weights = noGrad(() => floats('gradCheck', f, inputs).map(weightsFor))
    const slopes: Differentiable = (...all) => {
      const given = all.slice(0, inputs.length)
      // Called without recording for the differences, and then its own walk still has to record.
      const leaves = given.map((t) => (t.requiresGrad ? t : leavesOf([t])[0]!))
      return enableGrad(() =>
        slopesOf(floats('gradCheck', f, leaves), all.slice(inputs.length), leaves, true),
      )
    }
    checkFirst('gradCheck of the gradient', slopes, [...inputs, ...weights], options)
  })
}

function checkFirst(
  op: string,
  f: Differentiable,
  inputs: readonly Tensor[],
  options: GradCheckOptions,
): void {
  const { eps = 1e-6, atol = 1e-5, rtol = 1e-3 } = options
  check(op, inputs)
  const twice = [evaluate(op, f, inputs), evaluate(op, f, inputs)] as const
  if (!twice[0].every((value, i) => Object.is(value, twice[1][i])))
    throw new ArgumentError(
      `${op}: two calls with the same inputs gave different values; ` +
        'make the function deterministic (fix its seed)',
    )

  const problems: { error: number; text: string }[] = []
  scope(() => {
    const leaves = leavesOf(inputs)
    const outputs = enableGrad(() => floats(op, f, leaves))
    const weights = outputs.map(weightsFor)
    const factors = weights.flatMap((weight) => Array.from(weight.dataSync()))
    const analytic = enableGrad(() => slopesOf(outputs, weights, leaves, false))
    let next = 0
    inputs.forEach((input, number) => {
      if (!isFloat(input.dtype)) return
      const slope = analytic[next++]!
      if (slope.dtype !== input.dtype || !sameShape(slope.shape, input.shape))
        throw new GradientError(
          `${op}: the gradient for input ${number} is ${slope.dtype} ${showShape(slope.shape)}, ` +
            `the input ${input.dtype} ${showShape(input.shape)}`,
        )
      const values = slope.dataSync()
      const base = input.dataSync()
      const at = (element: number, distance: number): number[] => {
        const moved = base.slice()
        moved[element]! += distance
        return scope(() => {
          const other = tensor(moved, { shape: input.shape, device: input.device })
          return evaluate(op, f, inputs.with(number, other))
        })
      }
      for (let element = 0; element < sizeOf(input.shape); element++) {
        const [above, below] = [at(element, eps), at(element, -eps)]
        const numeric = factors.reduce(
          (sum, factor, i) => sum + (factor * (above[i]! - below[i]!)) / (2 * eps),
          0,
        )
        const error = Math.abs(values[element]! - numeric)
        if (!(error <= atol + rtol * Math.abs(numeric)))
          problems.push({
            error: Number.isNaN(error) ? Number.POSITIVE_INFINITY : error,
            text:
              `  input ${number} at ${showIndex(element, input.shape)}: analytic ${values[element]}, ` +
              `numeric ${numeric}`,
          })
      }
    })
  })
  if (problems.length === 0) return
  problems.sort((a, b) => b.error - a.error)
  throw new GradientError(
    `${op}: ${problems.length} elements differ by more than atol ${atol} + rtol ${rtol}, the worst:\n` +
      problems
        .slice(0, SHOWN)
        .map(({ text }) => text)
        .join('\n'),
  )
}
