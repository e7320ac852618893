import { ArgumentError, type Tensor } from '@nablajs/tensor'
import { type Scalar, select } from '@nablajs/tensor/program'
import { elementLoss } from './element-loss.ts'
import { l1Loss } from './l1.ts'
import type { ReductionOptions } from './reduction.ts'

/** `e² / 2` up to `width`, then the tangent there. */
function huber(input: Scalar, target: Scalar, width: Scalar): Scalar {
  const error = input.sub(target).abs()
  const square = error.mul(error).mul(0.5)
  return select(error.lt(width), square, width.mul(error.sub(width.mul(0.5))))
}

const huberError = elementLoss('huberLoss', (x, y, delta) => huber(x!, y!, delta!))

const smoothError = elementLoss('smoothL1Loss', (x, y, beta) => huber(x!, y!, beta!).div(beta!))

export interface HuberLossOptions extends ReductionOptions {
  /** The error up to which the loss is quadratic; above 0. Default 1. */
  delta?: number
}

/**
 * Huber's loss of the error `e = |input - target|`: `e² / 2` below `delta`, `delta (e - delta / 2)`
 * above, so that outliers pull with a bounded force. Huber: "Robust Estimation of a Location
 * Parameter", 1964.
 *
 * @throws ShapeError when the shapes differ.
 */
export function huberLoss(input: Tensor, target: Tensor, options: HuberLossOptions = {}): Tensor {
  const { delta = 1, reduction } = options
  if (!(delta > 0)) throw new ArgumentError(`huberLoss: delta is ${delta}; it must be above 0`)
  return huberError(input, target, { reduction, settings: [delta] })
}

export interface SmoothL1LossOptions extends ReductionOptions {
  /** The error up to which the loss is quadratic; at 0 this is {@link l1Loss}. Default 1. */
  beta?: number
}

/**
 * The smooth L1 loss of the error `e = |input - target|`: `e² / (2 beta)` below `beta`,
 * `e - beta / 2` above: Huber's loss divided by `beta`. Girshick: "Fast R-CNN", arXiv 1504.08083.
 *
 * @throws ShapeError when the shapes differ.
 */
export function smoothL1Loss(
  input: Tensor,
  target: Tensor,
  options: SmoothL1LossOptions = {},
): Tensor {
  const { beta = 1, reduction } = options
  if (!(beta >= 0)) throw new ArgumentError(`smoothL1Loss: beta is ${beta}; it must be >= 0`)
  if (beta === 0) return l1Loss(input, target, options)
  return smoothError(input, target, { reduction, settings: [beta] })
}
