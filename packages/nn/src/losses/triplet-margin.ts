import { type FloatDType, isHalf, norm, scope, type Tensor } from '@nablajs/tensor'
import { program } from '@nablajs/tensor/program'
import { checkNumber, checkSame, floatType } from '../check.ts'
import { memoize } from '../memoize.ts'
import { hinge } from './hinge-embedding.ts'
import { checkReduction, type ReductionOptions, reduceProgram } from './reduction.ts'

export interface TripletMarginLossOptions extends ReductionOptions {
  /** How much farther the negative should be than the positive. Default 1. */
  margin?: number
  /** The norm that measures distances. Default 2. */
  p?: number
  /** Added to each difference of coordinates. Default 1e-6. */
  eps?: number
  /** Whether the negative's distance from the positive counts too, if it is smaller. Default false. */
  swap?: boolean
}

const programFor = memoize(({ dtype, swap }: { dtype: FloatDType; swap: boolean }) =>
  program(
    {
      name: 'tripletMarginLoss',
      inputs: swap ? [dtype, dtype, dtype] : [dtype, dtype],
      scalars: [dtype],
    },
    (near, far, ...rest) => {
      const distance = swap ? far!.min(rest[0]!) : far!
      return hinge(near!.sub(distance).add(rest.at(-1)!))
    },
  ),
)

/**
 * `max(0, |anchor - positive| - |anchor - negative| + margin)`: the anchor should be nearer to what
 * is like it. Schroff, Kalenichenko, Philbin: "FaceNet", arXiv 1503.03832; `swap`: Balntas et al.,
 * BMVC 2016.
 *
 * @param anchor Vectors `[N, D]` or `[..., D]`; the others have the same shape.
 * @throws ShapeError when the shapes differ; ArgumentError for a margin or p that is not above 0.
 * @example
 * ```ts
 * tripletMarginLoss(tensor([[0, 0]]), tensor([[0, 1]]), tensor([[3, 0]]), { margin: 3 })   // 1
 * ```
 */
export function tripletMarginLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options: TripletMarginLossOptions = {},
): Tensor {
  if (isHalf(anchor.dtype))
    return tripletMarginLoss(anchor.cast('f32'), positive, negative, options)
  const name = 'tripletMarginLoss'
  const { margin = 1, p = 2, eps = 1e-6, swap = false } = options
  const reduction = checkReduction(name, options.reduction)
  const dtype = floatType(name, anchor, 'anchor')
  checkSame(name, ['anchor', anchor], ['positive', positive])
  checkSame(name, ['anchor', anchor], ['negative', negative])
  checkNumber(name, 'margin', margin, margin > 0, 'above 0')
  checkNumber(name, 'p', p, p > 0, 'above 0')
  return scope(() => {
    const between = (a: Tensor, b: Tensor): Tensor => norm(a.sub(b).add(eps), p, -1)
    const [near, far] = [positive.cast(dtype), negative.cast(dtype)]
    const distances = [between(anchor, near), between(anchor, far)]
    if (swap) distances.push(between(near, far))
    return reduceProgram(reduction, programFor({ dtype, swap }), distances, [margin])
  })
}
