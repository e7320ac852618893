import { type DType, dtypes } from '../dtype.ts'
import { DTypeError } from '../errors.ts'
import { program } from '../program/program.ts'
import type { Tensor } from '../tensor.ts'
import { mapOp, runMap } from './map.ts'

/**
 * The same values in another dtype. Floats are truncated towards zero and saturate when they become
 * integers (NaN becomes 0); anything but 0 is true. Gradients pass between floats.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  if (!(dtype in dtypes))
    throw new DTypeError(`cast: "${dtype}" is not a dtype; use ${Object.keys(dtypes).join(', ')}`)
  if (x.dtype === dtype) return x
  return runMap(mapOp(program({ name: 'cast', inputs: [x.dtype] }, (v) => v!.cast(dtype))), [x])
}
