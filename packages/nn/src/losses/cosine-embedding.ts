import { type FloatDType, isHalf, ShapeError, scope, showShape, type Tensor } from '@nablajs/tensor'
import { program, select, sumOf } from '@nablajs/tensor/program'
import { checkSame, checkShape, floatType } from '../check.ts'
import { memoize } from '../memoize.ts'
import { hinge } from './hinge-embedding.ts'
import { checkReduction, type ReductionOptions, reduceProgram } from './reduction.ts'

export interface CosineEmbeddingLossOptions extends ReductionOptions {
  /** The similarity below which a pair of unlike things costs nothing. Default 0. */
  margin?: number
}

const programs = memoize(({ dtype }: { dtype: FloatDType }) => ({
  product: program({ name: 'cosineEmbeddingLoss', inputs: [dtype, dtype] }, (a, b) => a!.mul(b!)),
  square: program({ name: 'cosineEmbeddingLoss', inputs: [dtype] }, (a) => a!.mul(a!)),
  loss: program(
    { name: 'cosineEmbeddingLoss', inputs: [dtype, dtype, dtype, dtype], scalars: [dtype] },
    (ab, aa, bb, t, margin) => {
      // The square of a length of 0 stays above 0, so that the angle is something.
      const cosine = ab!.div(aa!.add(1e-12).mul(bb!.add(1e-12)).sqrt())
      const unlike = select(t!.eq(-1), hinge(cosine.sub(margin!)), 0)
      return select(t!.eq(1), cosine.neg().add(1), unlike)
    },
  ),
}))

/**
 * For pairs of vectors: `1 - cos` of the angle between them where the target is 1 (alike),
 * `max(0, cos - margin)` where it is -1 (unlike).
 *
 * @param input1 Vectors `[N, D]` or `[D]`.
 * @param input2 Vectors of the same shape.
 * @param target 1 or -1, `[N]` or `[]`.
 * @throws ShapeError when the shapes do not fit.
 * @example
 * ```ts
 * cosineEmbeddingLoss(tensor([[1, 0]]), tensor([[1, 1]]), tensor([1]))   // 1 - √½
 * ```
 */
export function cosineEmbeddingLoss(
  input1: Tensor,
  input2: Tensor,
  target: Tensor,
  options: CosineEmbeddingLossOptions = {},
): Tensor {
  if (isHalf(input1.dtype)) return cosineEmbeddingLoss(input1.cast('f32'), input2, target, options)
  const name = 'cosineEmbeddingLoss'
  const reduction = checkReduction(name, options.reduction)
  const dtype = floatType(name, input1, 'first input')
  const { shape, rank } = input1
  checkSame(name, ['first input', input1], ['second', input2])
  if (rank !== 1 && rank !== 2)
    throw new ShapeError(`${name}: the inputs are ${showShape(shape)}; they must be [N, D] or [D]`)
  const rows = shape.slice(0, -1)
  checkShape(name, 'target', target, rows)
  return scope(() => {
    const { product, square, loss } = programs({ dtype })
    const b = input2.cast(dtype)
    const sums = [
      sumOf(product, [input1, b], shape, [rank - 1]),
      sumOf(square, [input1], shape, [rank - 1]),
      sumOf(square, [b], shape, [rank - 1]),
    ].map((t) => t.reshape(rows))
    const { margin = 0 } = options
    return reduceProgram(reduction, loss, [...sums, target.cast(dtype)], [margin])
  })
}
