/** What losses and layers ask of their arguments. */
import {
  ArgumentError,
  DTypeError,
  type FloatDType,
  isFloat,
  ShapeError,
  showShape,
  type Tensor,
} from '@nablajs/tensor'

/** The dtype of an input that has to be a float. */
export function floatType(op: string, input: Tensor, name = 'input'): FloatDType {
  const { dtype } = input
  if (!isFloat(dtype)) throw new DTypeError(`${op}: the ${name} is ${dtype}; it must be a float`)
  return dtype
}

/** Refuses a tensor that cannot be repeated to the shape of the input. */
export function checkBroadcast(op: string, name: string, t: Tensor, input: Tensor): void {
  const lead = input.rank - t.rank
  if (lead < 0 || t.shape.some((size, axis) => size !== 1 && size !== input.shape[axis + lead]))
    throw new ShapeError(
      `${op}: ${name} is ${showShape(t.shape)}; it must broadcast to the input ${showShape(input.shape)}`,
    )
}

/** Refuses a pair of tensors of two shapes: `[N]` against `[N, 1]` would compare each with each. */
export function checkSame(
  op: string,
  a: readonly [string, Tensor],
  b: readonly [string, Tensor],
): void {
  if (a[1].shape.join() !== b[1].shape.join())
    throw new ShapeError(
      `${op}: the ${a[0]} is ${showShape(a[1].shape)}, the ${b[0]} ${showShape(b[1].shape)}; ` +
        'they must be equal, reshape one',
    )
}

/** Refuses a tensor of another shape. */
export function checkShape(op: string, name: string, t: Tensor, wanted: readonly number[]): void {
  if (t.shape.join() !== wanted.join())
    throw new ShapeError(
      `${op}: the ${name} is ${showShape(t.shape)}; it must be ${showShape(wanted)}`,
    )
}

/** Refuses class numbers that are no integers. */
export function checkLabels(op: string, target: Tensor): void {
  if (target.dtype !== 'i32' && target.dtype !== 'u32')
    throw new DTypeError(`${op}: the target is ${target.dtype}; class numbers are i32 or u32`)
}

/** Refuses a weight that is not one number for each class. */
export function checkClassWeight(op: string, weight: Tensor, classes: number): void {
  if (weight.rank !== 1 || weight.shape[0] !== classes)
    throw new ShapeError(
      `${op}: weight is ${showShape(weight.shape)}; it must be [${classes}], one for each class`,
    )
}

/** Refuses a number that is not in a range that the message describes. */
export function checkNumber(
  op: string,
  name: string,
  value: number,
  ok: boolean,
  must: string,
): void {
  if (!ok) throw new ArgumentError(`${op}: ${name} is ${value}; it must be ${must}`)
}
