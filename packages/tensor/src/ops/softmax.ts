/** Softmax and its logarithm. */
import { preciseType } from '../autocast.ts'
import { noGrad, record } from '../autograd.ts'
import { isFloat } from '../dtype.ts'
import { DTypeError } from '../errors.ts'
import { normalizeAxis } from '../layout.ts'
import { scope } from '../memory.ts'
import type { Tensor } from '../tensor.ts'
import { cast } from './cast.ts'
import { logsumexp, sum } from './reduce.ts'

function check(op: string, x: Tensor, axis: number): number {
  if (!isFloat(x.dtype)) throw new DTypeError(`${op}: ${x.dtype} came; it takes floats`)
  return normalizeAxis(op, axis, x.rank)
}

/**
 * `log(exp(xᵢ) / Σ exp(xⱼ))` along an axis (default: the last), computed as `x - logsumexp(x)`, which
 * neither overflows nor loses small probabilities.
 */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  if (preciseType(x.dtype) !== x.dtype) return logSoftmax(cast(x, 'f32'), axis)
  const own = check('logSoftmax', x, axis)
  const y = noGrad(() => scope(() => x.sub(logsumexp(x, own, { keepdim: true }))))
  // dx = g - softmax(x) Σ g
  return record('logSoftmax', y, [x], [y], (g, [out]) => [
    g.sub(out!.exp().mul(sum(g, own, { keepdim: true }))),
  ])
}

/**
 * `exp(xᵢ) / Σ exp(xⱼ)` along an axis (default: the last): positive numbers that add up to 1.
 */
export function softmax(x: Tensor, axis = -1): Tensor {
  if (preciseType(x.dtype) !== x.dtype) return softmax(cast(x, 'f32'), axis)
  const own = check('softmax', x, axis)
  const y = noGrad(() => scope(() => x.sub(logsumexp(x, own, { keepdim: true })).exp()))
  // dx = y (g - Σ g y)
  return record('softmax', y, [x], [y], (g, [out]) => [
    out!.mul(g.sub(sum(g.mul(out!), own, { keepdim: true }))),
  ])
}
