import { ArgumentError, type FloatDType, isHalf, scope, type Tensor } from '@nablajs/tensor'
import { index, program, select, sumOf } from '@nablajs/tensor/program'
import { checkClassWeight, checkLabels, checkShape, floatType } from '../check.ts'
import { memoize } from '../memoize.ts'
import { checkReduction, type ReductionOptions, reduceLosses } from './reduction.ts'
import { asRows } from './row-loss.ts'

export interface MultiMarginLossOptions extends ReductionOptions {
  /** The power of each violation: 1 or 2. Default 1. */
  p?: 1 | 2
  /** How far the target's score should be ahead. Default 1. */
  margin?: number
  /** A weight for each class, `[C]`, applied to rows of that target. */
  weight?: Tensor
}

const programs = memoize(({ dtype, p }: { dtype: FloatDType; p: number }) => ({
  /** A number of the target's class, as a sum over classes. */
  picked: program({ name: 'multiMarginLoss', inputs: [dtype, 'i32'] }, (x, t) =>
    select(t!.eq(index(1)), x!, 0),
  ),
  loss: program(
    { name: 'multiMarginLoss', inputs: [dtype, dtype, 'i32', dtype], scalars: [dtype] },
    (x, own, t, factor, margin) => {
      const z = margin!.sub(own!).add(x!)
      const violation = p === 1 ? z : z.mul(z)
      return select(z.gt(0).and(t!.ne(index(1))), violation.mul(factor!), 0)
    },
  ),
}))

/**
 * The hinge loss of several classes: `Σ w[y] max(0, margin - input[y] + input[i])ᵖ / C` over all
 * classes i but the target y. Crammer & Singer, JMLR 2001, with p = 1.
 *
 * @param input Scores `[N, C]` or `[C]`.
 * @param target Class numbers (i32, u32) `[N]` or `[]`; one that does not exist is compared with 0.
 * @throws ShapeError when input, target and weight do not fit; ArgumentError when p is not 1 or 2.
 * @example
 * ```ts
 * multiMarginLoss(tensor([0.1, 0.2, 0.4, 0.8]), tensor(3, { dtype: 'i32' }))   // 0.325
 * ```
 */
export function multiMarginLoss(
  input: Tensor,
  target: Tensor,
  options: MultiMarginLossOptions = {},
): Tensor {
  if (isHalf(input.dtype)) return multiMarginLoss(input.cast('f32'), target, options)
  const { p = 1, margin = 1, weight } = options
  const name = 'multiMarginLoss'
  const reduction = checkReduction(name, options.reduction)
  const dtype = floatType(name, input)
  checkLabels(name, target)
  if (p !== 1 && p !== 2) throw new ArgumentError(`${name}: p is ${p}; it must be 1 or 2`)
  return scope(() => {
    const { rows, single } = asRows(name, input)
    const { shape } = rows
    checkShape(name, 'target', target, single ? [] : [shape[0]!])
    const classes = shape[1]!
    if (weight) checkClassWeight(name, weight, classes)
    const { picked, loss } = programs({ dtype, p })
    const t = target.cast('i32').reshape([shape[0]!, 1])
    const own = sumOf(picked, [rows, t], shape, [1])
    const factor = weight
      ? sumOf(picked, [weight.cast(dtype), t], shape, [1]).mul(1 / classes)
      : own
          .detach()
          .onesLike()
          .mul(1 / classes)
    const losses = sumOf(loss, [rows, own, t, factor], shape, [1], [margin])
    return reduceLosses(reduction, losses.reshape(single ? [] : [shape[0]!]))
  })
}
