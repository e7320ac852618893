/** From the losses of single rows or elements to what the caller asked for. */
import { ArgumentError, type Tensor } from '@nablajs/tensor'
import { mapProgram, type Program, sumOf } from '@nablajs/tensor/program'

/** What becomes of the single losses: their mean, their sum, or nothing. */
export type Reduction = 'mean' | 'sum' | 'none'

export interface ReductionOptions {
  /** Default `'mean'`. */
  reduction?: Reduction
}

export function checkReduction(op: string, reduction: Reduction = 'mean'): Reduction {
  if (reduction !== 'mean' && reduction !== 'sum' && reduction !== 'none')
    throw new ArgumentError(`${op}: reduction is "${reduction}"; use mean, sum or none`)
  return reduction
}

/** The sum of a program over all axes of the first input, as one number, in one pass. */
export function total(
  source: Program,
  inputs: readonly Tensor[],
  scalars: readonly number[] = [],
): Tensor {
  const { shape } = inputs[0]!
  const axes = shape.map((_, axis) => axis)
  return sumOf(source, inputs, shape, axes, scalars).reshape([])
}

/**
 * The losses that a program gives for each element of the first input, reduced. Only `'none'` makes
 * a tensor of them.
 */
export function reduceProgram(
  reduction: Reduction,
  source: Program,
  inputs: readonly Tensor[],
  scalars: readonly number[] = [],
): Tensor {
  if (reduction === 'none') return mapProgram(source, inputs, scalars)
  const sum = total(source, inputs, scalars)
  return reduction === 'sum' ? sum : sum.mul(1 / inputs[0]!.size)
}

/** Losses that are computed already, reduced. */
export function reduceLosses(reduction: Reduction, losses: Tensor): Tensor {
  if (reduction === 'none') return losses
  return reduction === 'sum' ? losses.sum() : losses.mean()
}
