/** From the loss of each element to what the caller asked for. */
import {
  ArgumentError,
  DTypeError,
  ShapeError,
  scope,
  showShape,
  type Tensor,
} from '@nablajs/tensor'
import { mapProgram, type Program, program, type Scalar, sumOf } from '@nablajs/tensor/program'

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

/** The sum of a program over all axes, as one number, in one pass. */
export function total(
  source: Program,
  inputs: readonly Tensor[],
  scalars: readonly number[] = [],
): Tensor {
  const { shape } = inputs[0]!
  const axes = shape.map((_, axis) => axis)
  return sumOf(source, inputs, shape, axes, scalars).reshape([])
}

/** A loss of predictions and targets of one shape, element by element. */
export interface ElementLoss {
  readonly name: string
  /** The loss of one element; `settings` are the numbers that {@link elementLoss} is given. */
  of(input: Scalar, target: Scalar, ...settings: Scalar[]): Scalar
}

/**
 * Computes a loss that is a scalar program, in one kernel: no tensor of single losses is made unless
 * it is asked for. `extra` are tensors that broadcast to the input, after the target.
 *
 * @throws ShapeError when input and target differ in shape: broadcasting `[N]` against `[N, 1]` would
 *   silently compare each with each. DTypeError when they differ in dtype.
 */
export function elementLoss(
  { name, of }: ElementLoss,
  input: Tensor,
  target: Tensor,
  reduction: Reduction | undefined,
  settings: readonly number[] = [],
  extra: readonly Tensor[] = [],
): Tensor {
  const kind = checkReduction(name, reduction)
  if (input.shape.join() !== target.shape.join())
    throw new ShapeError(
      `${name}: the input is ${showShape(input.shape)}, the target ${showShape(target.shape)}; ` +
        'they must be equal, reshape one',
    )
  const { dtype } = input
  if (dtype !== 'f32' && dtype !== 'f64')
    throw new DTypeError(`${name}: the input is ${dtype}; it must be f32 or f64`)
  const tensors = [input, target, ...extra]
  const source = program(
    { name, inputs: tensors.map((t) => t.dtype), scalars: settings.map(() => dtype) },
    (...leaves) => {
      const [first, second, ...rest] = leaves.map((leaf) => leaf.cast(dtype))
      return of(first!, second!, ...rest)
    },
  )
  if (kind === 'none') return mapProgram(source, tensors, settings)
  return scope(() => {
    const sum = total(source, tensors, settings)
    return kind === 'sum' ? sum : sum.mul(1 / input.size)
  })
}
