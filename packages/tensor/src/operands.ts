/**
 * What a backend asks of the views of a call before it runs: the number and dtypes that the program
 * takes, one shape, elements inside of their buffers, and how they lie.
 */
import type { Reduction, View } from './backend.ts'
import { bytesOf, type DType } from './dtype.ts'
import { DTypeError, ShapeError, showShape } from './errors.ts'
import type { Program } from './program/program.ts'

/** What an operand does from one element to the next: lies dense, repeats, or jumps. */
export const step = { unit: 0, fixed: 1, strided: 2 } as const

/** One of {@link step}. */
export type StepKind = (typeof step)[keyof typeof step]

/** Throws unless the views of one side ("input", "output") have the number and dtypes that are taken. */
export function checkViews(
  views: readonly View[],
  dtypes: readonly DType[],
  side: string,
  name: string,
): void {
  if (views.length !== dtypes.length)
    throw new ShapeError(`${name}: ${views.length} ${side}s came for ${dtypes.length}`)
  for (let i = 0; i < dtypes.length; i++) checkView(views[i]!, dtypes[i]!, side, i, name)
}

/** Throws unless the view, number `i` of its side, has the dtype. */
export function checkView(view: View, dtype: DType, side: string, i: number, name: string): void {
  if (view.dtype !== dtype)
    throw new DTypeError(`${name}: ${side} ${i} is ${view.dtype}; it must be ${dtype}`)
}

/** Throws unless the view has the shape. */
export function checkShape({ shape: own }: View, shape: readonly number[], name: string): void {
  if (own.length !== shape.length) throw unequal(name, own, shape)
  for (let axis = 0; axis < shape.length; axis++)
    if (own[axis] !== shape[axis]) throw unequal(name, own, shape)
}

/** Throws unless as many scalars came as the program takes. */
export function checkScalars({ name, scalars }: Program, values: readonly number[]): void {
  if (values.length !== scalars.length)
    throw new ShapeError(`${name}: ${values.length} scalars came for ${scalars.length}`)
}

/**
 * Throws unless all elements of the view are inside of its buffer.
 *
 * @returns The largest offset of an element, in elements; -1 where there are none.
 */
export function checkBounds(view: View, name: string): number {
  const { shape, strides } = view
  let first = view.offset
  let last = view.offset
  for (let axis = 0; axis < shape.length; axis++) {
    const extent = shape[axis]!
    if (extent === 0) return -1
    const reach = (extent - 1) * strides[axis]!
    if (reach < 0) first += reach
    else last += reach
  }
  const bytes = bytesOf(view.dtype)
  if (first < 0 || bytes * (last + 1) > view.buffer.bytes)
    throw new ShapeError(
      `${name}: a view reaches elements ${first} to ${last} of a buffer of ${view.buffer.bytes / bytes}`,
    )
  return last
}

/**
 * What the view is to a kernel of one merged loop over the `size` elements of a shape: dense, one
 * repeated element, or neither.
 *
 * @throws ShapeError when the view has another shape.
 */
export function flatKind(
  view: View,
  shape: readonly number[],
  size: number,
  name: string,
): StepKind {
  const { strides, shape: own } = view
  if (own.length !== shape.length) throw unequal(name, own, shape)
  let expected = 1
  let unit = true
  let fixed = size !== 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const extent = shape[axis]!
    if (own[axis] !== extent) throw unequal(name, own, shape)
    if (extent === 1) continue
    const stride = strides[axis]!
    if (stride !== expected) unit = false
    if (stride !== 0) fixed = false
    expected *= extent
  }
  return unit ? step.unit : fixed ? step.fixed : step.strided
}

/**
 * Which axes a reduction of inputs of `shape` reduces: those where the output's size is 1 and the
 * inputs' is not.
 *
 * @throws ShapeError when the inputs do not have the shape, or do not reduce to the output's.
 */
export function reducedAxes(
  shape: readonly number[],
  inputs: readonly View[],
  output: View,
  name: string,
): boolean[] {
  for (const view of inputs) checkShape(view, shape, name)
  const fits =
    output.shape.length === shape.length &&
    output.shape.every((extent, axis) => extent === 1 || extent === shape[axis])
  if (!fits)
    throw new ShapeError(
      `${name}: ${showShape(shape)} does not reduce to ${showShape(output.shape)}; each axis keeps its size or becomes 1`,
    )
  return shape.map((extent, axis) => extent !== 1 && output.shape[axis] === 1)
}

/**
 * The dtype of the combined value of a reduction, which its `finish` takes.
 *
 * @throws DTypeError when bool is to be summed or multiplied, or `finish` does not take the value.
 */
export function combinedType({ program, combine, finish }: Reduction): DType {
  const { dtype } = program.code[program.outputs[0]!]!
  if (dtype === 'bool' && (combine === 'sum' || combine === 'prod'))
    throw new DTypeError(`${program.name}: a ${combine} of bool; cast to i32 first`)
  const combined = combine === 'argmax' || combine === 'argmin' ? 'i32' : dtype
  if (finish && finish.inputs[0] !== combined)
    throw new DTypeError(
      `${finish.name}: takes ${finish.inputs[0]}; the combined value is ${combined}`,
    )
  if (finish?.code.some(({ op }) => op === 'index' || op === 'position'))
    throw new DTypeError(`${finish.name}: a finish has no index or position`)
  return combined
}

function unequal(name: string, own: readonly number[], shape: readonly number[]): ShapeError {
  return new ShapeError(
    `${name}: views of ${showShape(own)} and ${showShape(shape)}; they must have one shape`,
  )
}
