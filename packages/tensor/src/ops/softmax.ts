/** Softmax and its logarithm: each of their passes over memory is one scalar program. */
import { preciseType } from '../autocast.ts'
import { noGrad, record } from '../autograd.ts'
import { type DType, isFloat } from '../dtype.ts'
import { DTypeError } from '../errors.ts'
import { normalizeAxis } from '../layout.ts'
import { scope } from '../memory.ts'
import { type Program, program } from '../program/program.ts'
import type { Scalar } from '../program/scalar.ts'
import type { Tensor } from '../tensor.ts'
import { cast } from './cast.ts'
import { mapProgram } from './map.ts'
import { logsumexp, sum } from './reduce.ts'
import { sumOf } from './sum.ts'

/** A program of inputs of one dtype, made once for each. */
function perType(
  name: string,
  count: number,
  body: (...leaves: Scalar[]) => Scalar,
): (dtype: DType) => Program {
  const made = new Map<DType, Program>()
  return (dtype) => {
    let found = made.get(dtype)
    if (!found) {
      found = program({ name, inputs: new Array<DType>(count).fill(dtype) }, body)
      made.set(dtype, found)
    }
    return found
  }
}

const programs = {
  softmax: perType('softmax', 2, (x, l) => x!.sub(l!).exp()),
  /** dx = g - softmax(x) Σ g, of y = log(softmax(x)) */
  logGradient: perType("logSoftmax'", 3, (g, y, total) => g!.sub(y!.exp().mul(total!))),
  along: perType("softmax'", 2, (g, y) => g!.mul(y!)),
  /** dx = y (g - Σ g y) */
  gradient: perType("softmax'", 3, (g, y, total) => y!.mul(g!.sub(total!))),
}

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
  return record('logSoftmax', y, [x], [y], (g, [out]) => {
    const total = sum(g, own, { keepdim: true })
    return [mapProgram(programs.logGradient(g.dtype), [g, out!, total])]
  })
}

/**
 * `exp(xᵢ) / Σ exp(xⱼ)` along an axis (default: the last): positive numbers that add up to 1.
 */
export function softmax(x: Tensor, axis = -1): Tensor {
  if (preciseType(x.dtype) !== x.dtype) return softmax(cast(x, 'f32'), axis)
  const own = check('softmax', x, axis)
  const source = programs.softmax(x.dtype)
  const y = noGrad(() => scope(() => mapProgram(source, [x, logsumexp(x, own, { keepdim: true })])))
  return record('softmax', y, [x], [y], (g, [out]) => {
    const total = sumOf(programs.along(g.dtype), [g, out!], g.shape, [own])
    return [mapProgram(programs.gradient(g.dtype), [g, out!, total])]
  })
}
