import type { Tensor } from '@nablajs/tensor'
import { elementLoss } from './element-loss.ts'
import type { ReductionOptions } from './reduction.ts'

const loss = elementLoss('softMarginLoss', (x, t) => {
  const z = x!.mul(t!).neg()
  return z.max(0).add(z.abs().neg().exp().log1p())
})

/**
 * The logistic loss of labels 1 and -1, `log(1 + exp(-target · input))`, without overflow.
 *
 * @param target 1 or -1, of the input's shape.
 * @throws ShapeError when the shapes differ.
 * @example
 * ```ts
 * softMarginLoss(tensor([2, -1]), tensor([1, -1]))   // 0.2200948, as bceWithLogits of 1 and 0
 * ```
 */
export function softMarginLoss(
  input: Tensor,
  target: Tensor,
  options: ReductionOptions = {},
): Tensor {
  return loss(input, target, { reduction: options.reduction })
}
