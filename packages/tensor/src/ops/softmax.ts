/** Softmax and its logarithm: each of their passes over memory is one scalar program. */
import { preciseType } from '../autocast.ts'
import { noGrad, record } from '../autograd.ts'
import { computeType, type DType, isFloat } from '../dtype.ts'
import { DTypeError } from '../errors.ts'
import { normalizeAxis } from '../layout.ts'
import { scope } from '../memory.ts'
import { type Program, program } from '../program/program.ts'
import type { Scalar } from '../program/scalar.ts'
import type { Tensor } from '../tensor.ts'
import { logTotal } from './log-total.ts'
import { mapProgram } from './map.ts'
import { sumOf } from './sum.ts'

const programs = new Map<string, Program>()

/** A program that computes in f32 or f64 and gives `to`, made once for each combination of dtypes. */
function run(
  name: string,
  inputs: readonly Tensor[],
  to: DType,
  body: (...leaves: Scalar[]) => Scalar,
): [Program, readonly Tensor[]] {
  const types = inputs.map((t) => t.dtype)
  const key = `${name} ${types.join()} ${to}`
  let found = programs.get(key)
  if (!found) {
    const wide = computeType(to)
    found = program({ name, inputs: types }, (...leaves) =>
      body(...leaves.map((leaf) => leaf.cast(wide))).cast(to),
    )
    programs.set(key, found)
  }
  return [found, inputs]
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
  const own = check('logSoftmax', x, axis)
  const { dtype } = x
  const y = noGrad(() =>
    scope(() =>
      mapProgram(
        ...run('logSoftmax', [x, logTotal(x, [own])], preciseType(dtype), (v, l) => v!.sub(l!)),
      ),
    ),
  )
  return record('logSoftmax', y, [x], [y], (g, [out]) => {
    const total = sumOf(...run('sum', [g], computeType(g.dtype), (v) => v!), g.shape, [own])
    // dx = g - softmax(x) Σ g
    return [
      mapProgram(
        ...run("logSoftmax'", [g, out!, total], dtype, (v, l, t) => v!.sub(l!.exp().mul(t!))),
      ),
    ]
  })
}

/**
 * `exp(xᵢ) / Σ exp(xⱼ)` along an axis (default: the last): positive numbers that add up to 1.
 */
export function softmax(x: Tensor, axis = -1): Tensor {
  const own = check('softmax', x, axis)
  const { dtype } = x
  const y = noGrad(() =>
    scope(() =>
      mapProgram(
        ...run('softmax', [x, logTotal(x, [own])], preciseType(dtype), (v, l) => v!.sub(l!).exp()),
      ),
    ),
  )
  return record('softmax', y, [x], [y], (g, [out]) => {
    const along = run("softmax'", [g, out!], computeType(g.dtype), (v, p) => v!.mul(p!))
    const total = sumOf(...along, g.shape, [own])
    // dx = y (g - Σ g y)
    return [
      mapProgram(...run("softmax'", [g, out!, total], dtype, (v, p, t) => p!.mul(v!.sub(t!)))),
    ]
  })
}
