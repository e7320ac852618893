/**
 * Reductions. Each takes the axes to reduce (all when none are named; negative ones count from the
 * end) and `keepdim`, which leaves them in place with size 1.
 */

import { preciseFloat, preciseType } from '../autocast.ts'
import { record } from '../autograd.ts'
import { type DType, getDefaultDType, isFloat } from '../dtype.ts'
import { ArgumentError, ShapeError, showShape } from '../errors.ts'
import { normalizeAxes, normalizeAxis } from '../layout.ts'
import { type Program, program } from '../program/program.ts'
import type { Tensor } from '../tensor.ts'
import { cast } from './cast.ts'
import { computed } from './computed.ts'
import { logTotal } from './log-total.ts'
import { expand } from './movement.ts'
import { identity, type Recipe, runReduce, squeezeAxes, sumOf, unaryProgram } from './sum.ts'
import { isnan } from './unary.ts'

export interface ReduceOptions {
  /** Keep the reduced axes with size 1. Default false. */
  keepdim?: boolean
}

/** One axis or several; negative ones count from the end. */
export type Axes = number | readonly number[]

const widening = unaryProgram('sum', (x) => x.cast('f32'))

/**
 * The sum over axes. Of bool the number of trues, as i32. The sum of nothing is 0.
 *
 * @example
 * ```ts
 * tensor([[1, 2], [3, 4]]).sum(0)   // [4, 6]
 * ```
 */
export function sum(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  if (x.dtype === 'bool') return sum(cast(x, 'i32'), axes, options)
  const list = normalizeAxes('sum', axes, x.rank)
  const source = preciseType(x.dtype) === x.dtype ? identity : widening
  return squeezeAxes(sumOf(source(x.dtype), [x], x.shape, list), list, options)
}

const scaled = unaryProgram(
  'mean',
  (x) => x,
  (dtype) => [dtype],
)
const scale = unaryProgram(
  'mean',
  (total, factor) => total.mul(factor!),
  (dtype) => [dtype],
)

/** The mean over axes: sum divided by count. Integers are averaged as floats; the mean of nothing is NaN. */
export function mean(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  if (!isFloat(x.dtype)) return mean(cast(x, getDefaultDType()), axes, options)
  const list = normalizeAxes('mean', axes, x.rank)
  const count = list.reduce((n, axis) => n * x.shape[axis]!, 1)
  const { shape, dtype } = x
  const recipe: Recipe = { program: scaled(dtype), combine: 'sum', finish: scale(dtype) }
  const out = runReduce(recipe, [x], shape, list, [1 / count])
  const kept = record('mean', out, [x], [], (g) => [expand(g.mul(1 / count), shape)])
  return squeezeAxes(kept, list, options)
}

/** The number of elements over axes that are not 0, as i32. */
export function countNonzero(x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor {
  return sum(x.ne(0), axes, options)
}

/** The sum over axes of what is not NaN. */
export function nansum(x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor {
  return sum(isnan(x).where(0, x), axes, options)
}

/** The mean over axes of what is not NaN; NaN where nothing else is. */
export function nanmean(x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor {
  const done = computed(x, x.dtype, (wide) => nanmean(wide, axes, options))
  return done ?? nansum(x, axes, options).div(sum(x.eq(x), axes, options))
}

function extremum(
  combine: 'max' | 'min',
  x: Tensor,
  axes?: Axes,
  options: ReduceOptions = {},
): Tensor {
  if (x.dtype === 'bool') return cast(extremum(combine, cast(x, 'i32'), axes, options), 'bool')
  const list = normalizeAxes(combine, axes, x.rank)
  requireElements(combine, x, list)
  const out = runReduce({ program: identity(x.dtype), combine }, [x], x.shape, list)
  const kept = record(combine, out, [x], [x, out], (g, [from, best]) => {
    const ties = cast(from!.eq(best!), g.dtype)
    return [ties.mul(g.div(sum(ties, list, { keepdim: true })))]
  })
  return squeezeAxes(kept, list, options)
}

function requireElements(op: string, x: Tensor, axes: readonly number[]): void {
  if (axes.some((axis) => x.shape[axis] === 0))
    throw new ShapeError(`${op}: ${showShape(x.shape)} has no elements on the axes to reduce`)
}

/** The largest value over axes; NaN if there is one. Equal maxima share the gradient evenly (PyTorch's `amax`). */
export function max(x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor {
  return extremum('max', x, axes, options)
}

/** The smallest value over axes; NaN if there is one. Equal minima share the gradient evenly (PyTorch's `amin`). */
export function min(x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor {
  return extremum('min', x, axes, options)
}

function search(
  combine: 'argmax' | 'argmin',
  x: Tensor,
  axis?: number,
  options: ReduceOptions = {},
): Tensor {
  if (x.dtype === 'bool') return search(combine, cast(x, 'i32'), axis, options)
  const list =
    axis === undefined
      ? normalizeAxes(combine, undefined, x.rank)
      : [normalizeAxis(combine, axis, x.rank)]
  requireElements(combine, x, list)
  const out = runReduce({ program: identity(x.dtype), combine }, [x], x.shape, list)
  return squeezeAxes(out, list, options)
}

/** The index (i32) of the first largest value on an axis, or in the whole flattened tensor. NaN counts as largest. */
export function argmax(x: Tensor, axis?: number, options?: ReduceOptions): Tensor {
  return search('argmax', x, axis, options)
}

/** The index (i32) of the first smallest value on an axis, or in the whole flattened tensor. NaN counts as smallest. */
export function argmin(x: Tensor, axis?: number, options?: ReduceOptions): Tensor {
  return search('argmin', x, axis, options)
}

const truth = unaryProgram('truth', (x) => x.ne(0).cast('i32'))
const isTrue = unaryProgram('truth', (x) => x.ne(0))

function quantify(
  combine: 'max' | 'min',
  name: string,
  x: Tensor,
  axes?: Axes,
  options: ReduceOptions = {},
): Tensor {
  const list = normalizeAxes(name, axes, x.rank)
  if (list.some((axis) => x.shape[axis] === 0)) {
    // Nothing is false among none: no max exists, so count instead.
    const count = sum(cast(x, 'i32'), axes, options)
    return combine === 'max' ? count.ne(0) : count.eq(0)
  }
  const recipe: Recipe = { program: truth(x.dtype), combine, finish: isTrue('i32') }
  return squeezeAxes(runReduce(recipe, [x], x.shape, list), list, options)
}

/** Whether any element over axes is not 0 (NaN is not 0); of none: false. */
export function any(x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor {
  return quantify('max', 'any', x, axes, options)
}

/** Whether all elements over axes are not 0; of none: true. */
export function all(x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor {
  return quantify('min', 'all', x, axes, options)
}

export interface VarianceOptions extends ReduceOptions {
  /** What is taken off the count in the denominator: 1 (default) is unbiased, 0 the population's. */
  correction?: number
}

const squaredDistance = new Map<DType, Program>()

/**
 * The variance over axes: `sum (x - mean)² / (count - correction)`, in two passes (exact for data
 * far from 0). Default correction 1, as PyTorch.
 */
export function variance(x: Tensor, axes?: Axes, options: VarianceOptions = {}): Tensor {
  const { correction = 1 } = options
  const done = computed(x, preciseFloat(x.dtype), (wide) => variance(wide, axes, options))
  if (done) return done
  if (!(correction >= 0))
    throw new ArgumentError(`variance: correction is ${correction}; it must be >= 0`)
  const list = normalizeAxes('variance', axes, x.rank)
  const count = list.reduce((n, axis) => n * x.shape[axis]!, 1)
  let source = squaredDistance.get(x.dtype)
  if (!source) {
    source = program({ name: 'variance', inputs: [x.dtype, x.dtype] }, (a, b) => {
      const distance = a!.sub(b!)
      return distance.mul(distance)
    })
    squaredDistance.set(x.dtype, source)
  }
  const center = mean(x, list, { keepdim: true })
  const total = sumOf(source, [x, center], x.shape, list)
  return squeezeAxes(total.div(Math.max(0, count - correction)), list, options)
}

/** The standard deviation over axes: the root of {@link variance}. */
export function std(x: Tensor, axes?: Axes, options?: VarianceOptions): Tensor {
  const done = computed(x, preciseFloat(x.dtype), (wide) => std(wide, axes, options))
  return done ?? variance(x, axes, options).sqrt()
}

/**
 * `log(sum(exp(x)))` over axes, without overflow: the maximum is taken out first and added back.
 * The gradient is the softmax.
 */
export function logsumexp(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  const type = preciseFloat(x.dtype)
  if (!isFloat(x.dtype)) return logsumexp(cast(x, type), axes, options)
  const list = normalizeAxes('logsumexp', axes, x.rank)
  requireElements('logsumexp', x, list)
  return squeezeAxes(cast(logTotal(x, list), type), list, options)
}
