/** Products, and running sums, products and extrema along an axis (default: the last). */
import { preciseFloat, preciseType } from '../autocast.ts'
import { record } from '../autograd.ts'
import type { Scan } from '../backend.ts'
import { composedCumulative } from '../kernels/cumulative.ts'
import { kernel } from '../kernels/dispatch.ts'
import { scatterInto } from '../kernels/gather.ts'
import { normalizeAxes, normalizeAxis } from '../layout.ts'
import { select } from '../program/scalar.ts'
import { Tensor } from '../tensor.ts'
import { cast } from './cast.ts'
import { computed } from './computed.ts'
import { arange, onesLike } from './create.ts'
import { binary } from './elementwise.ts'
import { concat } from './join.ts'
import { flip, permute, reshape, slice } from './movement.ts'
import type { Axes, ReduceOptions } from './reduce.ts'
import type { Indexed } from './sort.ts'
import { identity, runReduce, squeezeAxes } from './sum.ts'

function run(x: Tensor, axis: number, combine: Scan): Tensor {
  const { device } = x
  const out = Tensor.make(device, x.dtype, x.shape)
  if (out.size > 0) kernel(device, 'cumulative', x, composedCumulative)(x, out, axis, combine)
  return out
}

/** Elements `start` .. `end` (without it) of one axis. */
const part = (x: Tensor, axis: number, start: number, end: number): Tensor =>
  slice(
    x,
    ...x.shape
      .slice(0, axis)
      .fill(0)
      .map(() => null),
    { start, end },
  )

/** `yᵢ = x₀ + ... + xᵢ`; of bool as i32. */
export function cumsum(x: Tensor, axis = -1): Tensor {
  const type = x.dtype === 'bool' ? 'i32' : preciseType(x.dtype)
  if (x.dtype !== type) return cumsum(cast(x, type), axis)
  const own = normalizeAxis('cumsum', axis, x.rank)
  // dxⱼ = gⱼ + gⱼ₊₁ + ...
  return record('cumsum', run(x, own, 'sum'), [x], [], (g) => [
    flip(cumsum(flip(g, own), own), own),
  ])
}

/** `s` with `sⱼ = bⱼ + aⱼ sⱼ₊₁`, by doubling steps; `a` is one shorter. */
function backwards(a: Tensor, b: Tensor, axis: number): Tensor {
  const count = b.shape[axis]!
  let [factor, sum] = [a, b]
  for (let step = 1; step < count; step *= 2) {
    const reached = part(sum, axis, 0, count - step)
    const beyond = part(sum, axis, step, count)
    sum = concat(
      [
        reached.add(part(factor, axis, 0, count - step).mul(beyond)),
        part(sum, axis, count - step, count),
      ],
      axis,
    )
    const next = Math.max(0, count - 2 * step)
    factor = part(factor, axis, 0, next).mul(part(factor, axis, step, step + next))
  }
  return sum
}

/** `yᵢ = x₀ · ... · xᵢ`; of bool as i32. The gradient is right where factors are 0. */
export function cumprod(x: Tensor, axis = -1): Tensor {
  const type = x.dtype === 'bool' ? 'i32' : preciseType(x.dtype)
  const done = computed(x, type, (wide) => cumprod(wide, axis))
  if (done) return done
  const own = normalizeAxis('cumprod', axis, x.rank)
  // dxⱼ = (x₀ ... xⱼ₋₁) (gⱼ + xⱼ₊₁ (gⱼ₊₁ + xⱼ₊₂ (...)))
  return record('cumprod', run(x, own, 'prod'), [x], [x], (g, [from]) => [
    productBefore(from!, own).mul(backwards(part(from!, own, 1, from!.shape[own]!), g, own)),
  ])
}

/** The product of the elements before each, 1 for the first. */
function productBefore(x: Tensor, axis: number): Tensor {
  const first = onesLike(part(x, axis, 0, 1))
  return concat([first, part(cumprod(x, axis), axis, 0, x.shape[axis]! - 1)], axis)
}

/**
 * The product over axes; of bool as i32. The product of nothing is 1. The gradient is right where
 * factors are 0: it is made of products of the others, not of quotients.
 */
export function prod(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  const type = x.dtype === 'bool' ? 'i32' : preciseType(x.dtype)
  const done = computed(x, type, (wide) => prod(wide, axes, options))
  if (done) return done
  const list = normalizeAxes('prod', axes, x.rank)
  const out = runReduce({ program: identity(x.dtype), combine: 'prod' }, [x], x.shape, list)
  const kept = record('prod', out, [x], [x], (g, [from]) => [g.mul(others(from!, list))])
  return squeezeAxes(kept, list, options)
}

/** For every element the product of all others on the axes. */
function others(x: Tensor, axes: readonly number[]): Tensor {
  if (x.size === 0) return x
  const order = [...x.shape.keys()].filter((axis) => !axes.includes(axis)).concat(axes)
  const moved = permute(x, order)
  const rest = moved.shape.slice(0, x.rank - axes.length)
  const flat = reshape(moved, [...rest, -1])
  const axis = rest.length
  const after = flip(productBefore(flip(flat, axis), axis), axis)
  const product = reshape(productBefore(flat, axis).mul(after), moved.shape)
  return permute(
    product,
    order.map((_, own) => order.indexOf(own)),
  )
}

/** `e^(x - y)`, and 0 where x is -Infinity. */
const ratio = binary('ratio', {
  accepts: 'float',
  forward: (x, y) => select(x.eq(Number.NEGATIVE_INFINITY), 0, x.sub(y!).exp()),
})

/** `yᵢ = log(exp(x₀) + ... + exp(xᵢ))`, without overflow. */
export function logcumsumexp(x: Tensor, axis = -1): Tensor {
  const done = computed(x, preciseFloat(x.dtype), (wide) => logcumsumexp(wide, axis))
  if (done) return done
  const own = normalizeAxis('logcumsumexp', axis, x.rank)
  const out = run(x, own, 'logsumexp')
  // dxⱼ = e^(xⱼ - yⱼ) (gⱼ + e^(yⱼ - yⱼ₊₁) (gⱼ₊₁ + ...)): no exponent is above 0.
  return record('logcumsumexp', out, [x], [x, out], (g, [from, y]) => {
    const count = x.shape[own]!
    const steps = ratio(part(y!, own, 0, count - 1), part(y!, own, 1, count))
    return [ratio(from!, y!).mul(backwards(steps, g, own))]
  })
}

/** The index on an axis, to broadcast with x. */
const axisNumbers = (x: Tensor, axis: number): Tensor =>
  reshape(
    arange(0, x.shape[axis]!, 1, { device: x.device }),
    x.shape.slice(axis).fill(1).with(0, -1),
  )

function extremes(combine: 'max' | 'min', x: Tensor, axis: number): Indexed {
  if (x.dtype === 'bool') {
    const { values, indices } = extremes(combine, cast(x, 'i32'), axis)
    return { values: cast(values, 'bool'), indices }
  }
  const own = normalizeAxis(`cum${combine}`, axis, x.rank)
  const values = run(x, own, combine)
  // The newest element that equals the extremum so far, which may be NaN.
  const same = x.detach().eq(values).or(x.detach().isnan())
  const indices = run(same.where(axisNumbers(x, own), -1), own, 'max')
  record(`cum${combine}`, values, [x], [indices], (g, [at]) => [scatterInto(g.shape, own, at!, g)])
  return { values, indices }
}

/** The largest element so far, and its index (i32; the last among equals). NaN counts as the largest. */
export function cummax(x: Tensor, axis = -1): Indexed {
  return extremes('max', x, axis)
}

/** The smallest element so far, and its index (i32; the last among equals). NaN counts as the smallest. */
export function cummin(x: Tensor, axis = -1): Indexed {
  return extremes('min', x, axis)
}
