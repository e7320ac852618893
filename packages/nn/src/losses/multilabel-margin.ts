import { type FloatDType, gather, isHalf, scope, type Tensor } from '@nablajs/tensor'
import { index, program, select, sumOf } from '@nablajs/tensor/program'
import { checkLabels, checkSame, floatType } from '../check.ts'
import { memoize } from '../memoize.ts'
import { checkReduction, type ReductionOptions, reduceLosses } from './reduction.ts'
import { asRows } from './row-loss.ts'

const programs = memoize(({ dtype }: { dtype: FloatDType }) => ({
  /** Whether class number 2 of the space is a label: how often it is named. */
  named: program({ name: 'multilabelMarginLoss', inputs: ['i32', dtype] }, (t, valid) =>
    select(t!.eq(index(2)), valid!, 0),
  ),
  loss: program(
    { name: 'multilabelMarginLoss', inputs: [dtype, dtype, dtype, dtype] },
    (x, own, valid, named) => {
      const z = own!.neg().add(1).add(x!)
      return select(z.gt(0).and(named!.eq(0)), z.mul(valid!), 0)
    },
  ),
}))

/**
 * The hinge loss of several labels: `Σ max(0, 1 - input[y] + input[i]) / C` over all labels y and
 * all classes i that are none.
 *
 * @param input Scores `[N, C]` or `[C]`.
 * @param target The labels of each row (i32) of the same shape, first of all, then -1; what follows
 *   a -1 counts for nothing.
 * @throws ShapeError when the shapes differ.
 * @example
 * ```ts
 * const target = tensor([3, 0, -1, 1], { dtype: 'i32' })
 * multilabelMarginLoss(tensor([0.1, 0.2, 0.4, 0.8]), target)   // 0.85
 * ```
 */
export function multilabelMarginLoss(
  input: Tensor,
  target: Tensor,
  options: ReductionOptions = {},
): Tensor {
  if (isHalf(input.dtype)) return multilabelMarginLoss(input.cast('f32'), target, options)
  const name = 'multilabelMarginLoss'
  const reduction = checkReduction(name, options.reduction)
  const dtype = floatType(name, input)
  checkLabels(name, target)
  checkSame(name, ['input', input], ['target', target])
  return scope(() => {
    const { rows, single } = asRows(name, input)
    const [count, classes] = rows.shape as [number, number]
    const { named, loss } = programs({ dtype })
    const t = target.cast('i32').reshape(rows.shape)
    // 1 up to the first negative number of a row, then 0.
    const valid = t.ge(0).cast(dtype).cumprod(1).unsqueeze(2)
    const own = gather(rows, 1, t.maximum(0)).unsqueeze(2)
    const space = [count, classes, classes]
    const labels = sumOf(named, [t.unsqueeze(2), valid], space, [1])
    const losses = sumOf(loss, [rows.unsqueeze(1), own, valid, labels], space, [1, 2])
    const each = losses.reshape(single ? [] : [count]).mul(1 / classes)
    return reduceLosses(reduction, each)
  })
}
