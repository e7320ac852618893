import { scope, type Tensor } from '@nablajs/tensor'
import { type AffineOptions, checkAffine, lastAxes } from './affine.ts'
import { floatType } from './check.ts'
import { standardize } from './standardize.ts'

/**
 * Normalises each row over its last axes: `(x - mean) / √(variance + eps) · weight + bias`, with the
 * biased variance. No row sees another, and training and evaluation are the same. Ba, Kiros, Hinton:
 * "Layer Normalization", arXiv 1607.06450.
 *
 * @param x `[..., ...shape]`.
 * @param shape The sizes of the axes that are normalised together; weight and bias have it too.
 * @throws ShapeError when the last axes are not `shape`.
 * @example
 * ```ts
 * layerNorm(tensor([[1, 3], [0, 8]]), [2])   // [[-1, 1], [-1, 1]], nearly
 * ```
 */
export function layerNorm(
  x: Tensor,
  shape: readonly number[],
  options: AffineOptions = {},
): Tensor {
  floatType('layerNorm', x)
  const axes = lastAxes('layerNorm', x, shape)
  checkAffine('layerNorm', options, shape)
  const { weight, bias, eps = 1e-5 } = options
  return scope(() => standardize('layerNorm', x, { axes, weight, bias, eps }))
}
