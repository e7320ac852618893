import type { Tensor } from '@nablajs/tensor'
import { elementLoss } from './element-loss.ts'
import type { ReductionOptions } from './reduction.ts'

const absoluteError = elementLoss('l1Loss', (input, target) => input!.sub(target!).abs())

/**
 * The absolute error `|input - target|`, averaged over all elements: the negative log-likelihood of
 * a Laplace distribution with fixed scale, up to constants. Its gradient at 0 is 0.
 *
 * @throws ShapeError when the shapes differ.
 */
export function l1Loss(input: Tensor, target: Tensor, options: ReductionOptions = {}): Tensor {
  return absoluteError(input, target, { reduction: options.reduction })
}
