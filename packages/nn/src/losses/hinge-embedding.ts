import type { Tensor } from '@nablajs/tensor'
import { type Scalar, select } from '@nablajs/tensor/program'
import { elementLoss } from './element-loss.ts'
import type { ReductionOptions } from './reduction.ts'

/** `max(x, 0)` with slope 1 at 0, as PyTorch's losses have it. */
export const hinge = (x: Scalar): Scalar => select(x.ge(0), x, 0)

const loss = elementLoss('hingeEmbeddingLoss', (x, t, margin) => {
  const far = select(t!.ne(1), hinge(margin!.sub(x!)), 0)
  return far.add(select(t!.ne(-1), x!, 0))
})

export interface HingeEmbeddingLossOptions extends ReductionOptions {
  /** The distance beyond which a pair of unlike things costs nothing. Default 1. */
  margin?: number
}

/**
 * For distances between things: `input` where the target is 1 (alike), `max(0, margin - input)`
 * where it is -1 (unlike).
 *
 * @param input Distances of any shape.
 * @param target 1 or -1, of the same shape.
 * @throws ShapeError when the shapes differ.
 * @example
 * ```ts
 * hingeEmbeddingLoss(tensor([0.3, 0.3]), tensor([1, -1]))   // (0.3 + 0.7) / 2
 * ```
 */
export function hingeEmbeddingLoss(
  input: Tensor,
  target: Tensor,
  options: HingeEmbeddingLossOptions = {},
): Tensor {
  const { margin = 1, reduction } = options
  return loss(input, target, { reduction, settings: [margin] })
}
