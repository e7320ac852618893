import { scope, type Tensor } from '@nablajs/tensor'
import { checkAffine, lastAxes } from './affine.ts'
import { floatType } from './check.ts'
import { standardize } from './standardize.ts'

export interface RmsNormOptions {
  /** Factors, of the normalised shape. Default: 1. */
  weight?: Tensor | undefined
  /** Added to the mean square. Default: the distance from 1 to the next number of the dtype. */
  eps?: number | undefined
}

const epsilon = { f16: 2 ** -10, bf16: 2 ** -7, f32: 2 ** -23, f64: 2 ** -52 } as const

/**
 * Divides each row by the root of the mean of its squares over the last axes:
 * `x / √(mean(x²) + eps) · weight`. Zhang & Sennrich: "Root Mean Square Layer Normalization", arXiv
 * 1910.07467.
 *
 * @param x `[..., ...shape]`.
 * @throws ShapeError when the last axes are not `shape`.
 * @example
 * ```ts
 * rmsNorm(tensor([3, 4]), [2])   // [3, 4] / √12.5
 * ```
 */
export function rmsNorm(x: Tensor, shape: readonly number[], options: RmsNormOptions = {}): Tensor {
  const dtype = floatType('rmsNorm', x)
  const axes = lastAxes('rmsNorm', x, shape)
  checkAffine('rmsNorm', options, shape)
  const { weight, eps = epsilon[dtype] } = options
  return scope(() => standardize('rmsNorm', x, { axes, center: false, weight, eps }))
}
