import { computeType, type DType } from '../dtype.ts'
import type { Tensor } from '../tensor.ts'
import { cast } from './cast.ts'

/**
 * `op` of x in what `type` is computed in, and the result as `type`: for ops of several steps, which halves
 * would be rounded between. Undefined where x is of that dtype already, and the op can begin.
 */
export function computed(x: Tensor, type: DType, op: (wide: Tensor) => Tensor): Tensor | undefined {
  const wide = computeType(type)
  return x.dtype === wide ? undefined : cast(op(cast(x, wide)), type)
}
