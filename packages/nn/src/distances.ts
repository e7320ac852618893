/** Lengths and angles of vectors, taken along an axis. */
import { isHalf, norm, scope, type Tensor } from '@nablajs/tensor'
import { preciseType } from '@nablajs/tensor/program'

export interface NormalizeOptions {
  /** The norm that becomes 1. Default 2. */
  p?: number
  /** Default -1. (PyTorch's is 1, where its channels are.) */
  axis?: number
  /** The least length that is divided by. Default 1e-12. */
  eps?: number
}

/**
 * Vectors of length 1: `x / max(|x|, eps)`.
 *
 * @example
 * ```ts
 * normalize(tensor([3, 4]))   // [0.6, 0.8]
 * ```
 */
export function normalize(x: Tensor, options: NormalizeOptions = {}): Tensor {
  const { p = 2, axis = -1, eps = 1e-12 } = options
  const { dtype } = x
  return scope(() => {
    // In f32 where x is a half: eps is 0 in f16, and a length may be infinite.
    const wide = isHalf(dtype) ? x.cast('f32') : x
    const unit = wide.div(norm(wide, p, axis, { keepdim: true }).maximum(eps))
    return isHalf(dtype) ? unit.cast(preciseType(dtype)) : unit
  })
}

export interface CosineSimilarityOptions {
  /** Default -1. (PyTorch's is 1.) */
  axis?: number
  /** The least length that is divided by. Default 1e-8. */
  eps?: number
}

/**
 * The cosine of the angle between vectors: `x1·x2 / (max(|x1|, eps) max(|x2|, eps))`.
 *
 * @example
 * ```ts
 * cosineSimilarity(tensor([1, 0]), tensor([1, 1]))   // √½
 * ```
 */
export function cosineSimilarity(
  x1: Tensor,
  x2: Tensor,
  options: CosineSimilarityOptions = {},
): Tensor {
  const { axis = -1, eps = 1e-8 } = options
  return scope(() => {
    const unit = (x: Tensor): Tensor => normalize(x, { axis, eps })
    return unit(x1).mul(unit(x2)).sum(axis)
  })
}

export interface PairwiseDistanceOptions {
  /** The norm. Default 2. */
  p?: number
  /** Added to each difference, so that the root has a slope. Default 1e-6. */
  eps?: number
  /** Keep the last axis with size 1. Default false. */
  keepdim?: boolean
}

/**
 * The distance of vectors along the last axis: `|x1 - x2 + eps|`, row by row. (`cdist` compares each
 * with each.)
 *
 * @example
 * ```ts
 * pairwiseDistance(tensor([[0, 0]]), tensor([[3, 4]]))   // [5], nearly
 * ```
 */
export function pairwiseDistance(
  x1: Tensor,
  x2: Tensor,
  options: PairwiseDistanceOptions = {},
): Tensor {
  const { p = 2, eps = 1e-6, keepdim = false } = options
  return scope(() => norm(x1.sub(x2).add(eps), p, -1, { keepdim }))
}
