import { ArgumentError, type Tensor } from '@nablajs/tensor'
import { type Scalar, select } from '@nablajs/tensor/program'
import { type ElementLoss, elementLoss, type ReductionOptions } from './reduction.ts'

/** `e² / 2` up to `width`, then the tangent there. */
function huber(input: Scalar, target: Scalar, width: Scalar): Scalar {
  const error = input.sub(target).abs()
  const square = error.mul(error).mul(0.5)
  return select(error.lt(width), square, width.mul(error.sub(width.mul(0.5))))
}

const huberLossOf: ElementLoss = { name: 'huberLoss', of: (x, y, delta) => huber(x, y, delta!) }

const smoothL1LossOf: ElementLoss = {
  name: 'smoothL1Loss',
  of: (x, y, beta) => huber(x, y, beta!).div(beta!),
}

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
  return elementLoss(huberLossOf, input, target, reduction, [delta])
}

export interface SmoothL1LossOptions extends ReductionOptions {
  /** The error up to which the loss is quadratic; 0 gives {@link l1Loss}'s. Default 1. */
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
  const rule = beta === 0 ? { name: 'smoothL1Loss', of: absolute } : smoothL1LossOf
  return elementLoss(rule, input, target, reduction, beta === 0 ? [] : [beta])
}

const absolute = (input: Scalar, target: Scalar): Scalar => input.sub(target).abs()
