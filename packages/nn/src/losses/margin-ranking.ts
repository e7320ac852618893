import type { Tensor } from '@nablajs/tensor'
import { checkSame } from '../check.ts'
import { elementLoss } from './element-loss.ts'
import { hinge } from './hinge-embedding.ts'
import type { ReductionOptions } from './reduction.ts'

const loss = elementLoss('marginRankingLoss', (a, b, t, margin) =>
  hinge(margin!.sub(t!.mul(a!.sub(b!)))),
)

export interface MarginRankingLossOptions extends ReductionOptions {
  /** How much the better one has to be ahead. Default 0. */
  margin?: number
}

/**
 * `max(0, margin - target (input1 - input2))`: target 1 says that the first should rank higher, -1
 * the second.
 *
 * @param target 1 or -1, of the inputs' shape.
 * @throws ShapeError when the shapes differ.
 * @example
 * ```ts
 * marginRankingLoss(tensor([0.2]), tensor([0.5]), tensor([1]), { margin: 0.1 })   // 0.4
 * ```
 */
export function marginRankingLoss(
  input1: Tensor,
  input2: Tensor,
  target: Tensor,
  options: MarginRankingLossOptions = {},
): Tensor {
  const { margin = 0, reduction } = options
  checkSame('marginRankingLoss', ['first input', input1], ['second', input2])
  checkSame('marginRankingLoss', ['first input', input1], ['target', target])
  return loss(input1, input2, { reduction, extra: [target], settings: [margin] })
}
