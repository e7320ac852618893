/** From the losses of single rows or elements to what the caller asked for. */
import { ArgumentError, type Tensor } from '@nablajs/tensor'
import { type Program, sumOf } from '@nablajs/tensor/program'

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
