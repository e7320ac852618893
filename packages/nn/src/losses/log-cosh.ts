import type { Tensor } from '@nablajs/tensor'
import { elementLoss } from './element-loss.ts'
import type { ReductionOptions } from './reduction.ts'

// log cosh e = |e| + log(1 + exp(-2|e|)) - log 2, which does not overflow.
const logCosh = elementLoss('logCoshLoss', (input, target) => {
  const e = input!.sub(target!).abs()
  return e.add(e.mul(-2).exp().log1p()).sub(Math.LN2)
})

/**
 * The error `log(cosh(input - target))`, averaged over all elements: like half of the squared error
 * near 0 and like the absolute error far from it, with a derivative (tanh) everywhere.
 *
 * @throws ShapeError when the shapes differ.
 * @example
 * ```ts
 * logCoshLoss(prediction, target).backward()
 * ```
 */
export function logCoshLoss(input: Tensor, target: Tensor, options: ReductionOptions = {}): Tensor {
  return logCosh(input, target, { reduction: options.reduction })
}
