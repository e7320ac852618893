/** The logarithm of a sum of exponentials, which softmax and logsumexp share. */
import { computeType, type DType } from '../dtype.ts'
import { type Program, program } from '../program/program.ts'
import { type Scalar, select } from '../program/scalar.ts'
import type { Tensor } from '../tensor.ts'
import { mapProgram } from './map.ts'
import { identity, runReduce, sumOf, unaryProgram } from './sum.ts'
import { log } from './unary.ts'

const shiftedExp = new Map<DType, Program>()

// An infinite maximum would give Infinity - Infinity; exp of the plain value is right then.
const finiteOrZero = (m: Scalar): Scalar => select(m.abs().eq(Number.POSITIVE_INFINITY), 0, m)

const zeroInfinite = unaryProgram('finiteOrZero', finiteOrZero)

/** `log Σ exp x` of floats over axes, which stay with size 1; of halves an f32. */
export function logTotal(x: Tensor, axes: readonly number[]): Tensor {
  const { dtype, shape } = x
  let source = shiftedExp.get(dtype)
  if (!source) {
    const wide = computeType(dtype)
    source = program({ name: 'logsumexp', inputs: [dtype, dtype] }, (a, m) =>
      a!
        .cast(wide)
        .sub(finiteOrZero(m!.cast(wide)))
        .exp(),
    )
    shiftedExp.set(dtype, source)
  }
  const top = runReduce({ program: identity(dtype), combine: 'max' }, [x], shape, axes)
  return log(sumOf(source, [x, top], shape, axes)).add(mapProgram(zeroInfinite(dtype), [top]))
}
