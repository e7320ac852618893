/** Norms of vectors, taken over axes. */
import { preciseFloat } from '../autocast.ts'
import { ArgumentError } from '../errors.ts'
import { normalizeAxes, normalizeAxis } from '../layout.ts'
import { program } from '../program/program.ts'
import { select } from '../program/scalar.ts'
import type { Tensor } from '../tensor.ts'
import { cast } from './cast.ts'
import { computed } from './computed.ts'
import { mapProgram } from './map.ts'
import { power, root } from './power.ts'
import { type Axes, countNonzero, max, min, type ReduceOptions, sum } from './reduce.ts'
import { squeezeAxes, sumOf } from './sum.ts'

/**
 * The p-norm `(Σ |x|ᵖ)^(1/p)` over axes. p = 0 counts what is not 0, Infinity and -Infinity give the
 * largest and the smallest absolute value. The gradient is 0 where the norm is 0.
 *
 * @example
 * ```ts
 * norm(tensor([3, 4]))            // 5
 * norm(x, 1, -1)                  // the sum of absolute values of each row
 * ```
 */
export function norm(x: Tensor, p = 2, axes?: Axes, options: ReduceOptions = {}): Tensor {
  const done = computed(x, preciseFloat(x.dtype), (wide) => norm(wide, p, axes, options))
  if (done) return done
  if (Number.isNaN(p)) throw new ArgumentError('norm: p is NaN; it must be a number')
  if (p === 0) return cast(countNonzero(x, axes, options), x.dtype)
  if (p === 1) return sum(x.abs(), axes, options)
  if (Math.abs(p) === Number.POSITIVE_INFINITY) return (p > 0 ? max : min)(x.abs(), axes, options)
  const list = normalizeAxes('norm', axes, x.rank)
  const { dtype, shape } = x
  const terms =
    p === 2
      ? program({ name: 'norm', inputs: [dtype] }, (v) => v!.mul(v!))
      : program({ name: 'norm', inputs: [dtype], scalars: [dtype] }, (v, by) =>
          power(v!.abs(), by!),
        )
  const total = sumOf(terms, [x], shape, list, p === 2 ? [] : [p])
  return squeezeAxes(root(total, 1 / p), list, options)
}

/**
 * The slices along `axis` whose p-norm is above `maxNorm`, scaled down to it. (`+ 1e-7` under the
 * fraction, as PyTorch.)
 */
export function renorm(x: Tensor, p: number, axis: number, maxNorm: number): Tensor {
  const own = normalizeAxis('renorm', axis, x.rank)
  const rest = [...x.shape.keys()].filter((other) => other !== own)
  const size = norm(x, p, rest, { keepdim: true })
  const { dtype } = size
  const scale = program({ name: 'renorm', inputs: [dtype], scalars: [dtype] }, (n, most) =>
    select(n!.gt(most!), most!.div(n!.add(1e-7)), 1),
  )
  return x.mul(mapProgram(scale, [size], [maxNorm]))
}
