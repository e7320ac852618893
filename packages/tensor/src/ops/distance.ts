/** Products and distances of vectors. */
import { ShapeError, showShape } from '../errors.ts'
import { matmul } from '../kernels/matmul.ts'
import type { Tensor } from '../tensor.ts'
import { unsqueeze } from './movement.ts'
import { norm } from './norm.ts'

function vectors(op: string, a: Tensor, b: Tensor): void {
  if (a.rank !== 1 || b.rank !== 1)
    throw new ShapeError(
      `${op}: ${showShape(a.shape)} and ${showShape(b.shape)}: vectors have one axis`,
    )
}

/** The inner product `Σ aᵢ bᵢ` of two vectors. */
export function dot(a: Tensor, b: Tensor): Tensor {
  vectors('dot', a, b)
  return matmul(a, b)
}

/** All products `aᵢ bⱼ` of two vectors. */
export function outer(a: Tensor, b: Tensor): Tensor {
  vectors('outer', a, b)
  return unsqueeze(a, -1).mul(b)
}

/**
 * The p-norm distance of each row of `a` `[..., P, M]` to each row of `b` `[..., R, M]`: `[..., P, R]`.
 * The gradient between equal rows is 0.
 */
export function cdist(a: Tensor, b: Tensor, p = 2): Tensor {
  if (a.rank < 2 || b.rank < 2 || a.shape.at(-1) !== b.shape.at(-1))
    throw new ShapeError(
      `cdist: ${showShape(a.shape)} and ${showShape(b.shape)}: [..., P, M] and [..., R, M] have one M`,
    )
  return norm(unsqueeze(a, -2).sub(unsqueeze(b, -3)), p, -1)
}
