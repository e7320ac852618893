import { type FloatDType, isHalf, scope, type Tensor } from '@nablajs/tensor'
import { program, sumOf } from '@nablajs/tensor/program'
import { checkBroadcast, checkSame, floatType } from '../check.ts'
import { memoize } from '../memoize.ts'
import { checkReduction, type ReductionOptions, reduceLosses } from './reduction.ts'

export interface MultilabelSoftMarginLossOptions extends ReductionOptions {
  /** A weight for each class, `[C]`. */
  weight?: Tensor
}

const programFor = memoize(({ dtype, weighted }: { dtype: FloatDType; weighted: boolean }) =>
  program(
    { name: 'multilabelSoftMarginLoss', inputs: weighted ? [dtype, dtype, dtype] : [dtype, dtype] },
    (x, t, w) => {
      const loss = x!.max(0).sub(x!.mul(t!)).add(x!.abs().neg().exp().log1p())
      return w ? loss.mul(w) : loss
    },
  ),
)

/**
 * `bceWithLogits` averaged over the classes of each row: one number for each row of `[..., C]`, and
 * the mean of those.
 *
 * @param input Logits `[..., C]`.
 * @param target 0 and 1 (or probabilities) of the same shape.
 * @throws ShapeError when the shapes differ, or the weight does not broadcast to the input.
 * @example
 * ```ts
 * multilabelSoftMarginLoss(tensor([[2, -1]]), tensor([[1, 0]]), { reduction: 'none' })   // [0.2200948]
 * ```
 */
export function multilabelSoftMarginLoss(
  input: Tensor,
  target: Tensor,
  options: MultilabelSoftMarginLossOptions = {},
): Tensor {
  if (isHalf(input.dtype)) return multilabelSoftMarginLoss(input.cast('f32'), target, options)
  const name = 'multilabelSoftMarginLoss'
  const { weight } = options
  const reduction = checkReduction(name, options.reduction)
  const dtype = floatType(name, input)
  checkSame(name, ['input', input], ['target', target])
  if (weight) checkBroadcast(name, 'weight', weight, input)
  return scope(() => {
    const { shape, rank } = input
    const tensors = [input, target.cast(dtype), ...(weight ? [weight.cast(dtype)] : [])]
    const source = programFor({ dtype, weighted: weight !== undefined })
    const sums = sumOf(source, tensors, shape, rank === 0 ? [] : [rank - 1])
    const rows = sums.reshape(shape.slice(0, -1)).mul(1 / (shape.at(-1) ?? 1))
    return reduceLosses(reduction, rows)
  })
}
