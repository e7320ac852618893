import type { Tensor } from '@nablajs/tensor'
import { elementLoss } from './element-loss.ts'
import type { ReductionOptions } from './reduction.ts'

const squaredError = elementLoss('mseLoss', (input, target) => {
  const error = input!.sub(target!)
  return error.mul(error)
})

/**
 * The squared error `(input - target)²`, averaged over all elements: the negative log-likelihood of
 * a normal distribution with fixed variance, up to constants.
 *
 * @throws ShapeError when the shapes differ.
 * @example
 * ```ts
 * mseLoss(tensor([1, 2, 3]), tensor([1.5, 2, 2]))   // 0.4166667
 * ```
 */
export function mseLoss(input: Tensor, target: Tensor, options: ReductionOptions = {}): Tensor {
  return squaredError(input, target, { reduction: options.reduction })
}
