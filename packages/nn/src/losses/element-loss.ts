/** Losses of predictions and targets of one shape, element by element. */
import { computeType, type FloatDType, scope, type Tensor } from '@nablajs/tensor'
import { program, type Scalar } from '@nablajs/tensor/program'
import { checkSame, floatType } from '../check.ts'
import { memoize } from '../memoize.ts'
import { checkReduction, type Reduction, reduceProgram } from './reduction.ts'

export interface ElementLossArguments {
  readonly reduction: Reduction | undefined
  /** Numbers that the loss gets after its tensors. */
  readonly settings?: readonly number[]
  /** Tensors that the loss gets after the target; they broadcast to the input. */
  readonly extra?: readonly Tensor[]
}

/** Computes the loss; see {@link elementLoss}. */
export type ElementLoss = (input: Tensor, target: Tensor, rest: ElementLossArguments) => Tensor

/**
 * A loss from the scalar program of one element. It runs as one kernel: the single losses become a
 * tensor only where the caller asks for them.
 *
 * The loss throws a ShapeError when input and target differ in shape, because `[N]` against `[N, 1]`
 * would silently compare each with each.
 *
 * @param of The loss of an input and a target, then of `extra` and `settings`.
 */
export function elementLoss(name: string, of: (...leaves: Scalar[]) => Scalar): ElementLoss {
  const programFor = memoize(({ inputs, settings }: { inputs: string; settings: number }) => {
    const dtypes = inputs.split(',') as Tensor['dtype'][]
    const dtype = computeType(dtypes[0] as FloatDType)
    return program(
      { name, inputs: dtypes, scalars: Array.from({ length: settings }, () => dtype) },
      (...leaves) => of(...leaves.map((leaf) => leaf.cast(dtype))),
    )
  })
  return (input, target, { reduction, settings = [], extra = [] }) => {
    const kind = checkReduction(name, reduction)
    checkSame(name, ['input', input], ['target', target])
    floatType(name, input)
    const tensors = [input, target, ...extra]
    const inputs = tensors.map((t) => t.dtype).join()
    const source = programFor({ inputs, settings: settings.length })
    return scope(() => reduceProgram(kind, source, tensors, settings))
  }
}
