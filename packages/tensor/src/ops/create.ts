/** Tensors from numbers. All take `{ dtype, device, requiresGrad }`. */
import type { Backend } from '../backend.ts'
import { getDevice } from '../device.ts'
import { type DType, getDefaultDType, isFloat, stored, type TypedArray } from '../dtype.ts'
import { ArgumentError, ShapeError, showShape } from '../errors.ts'
import { type Shape, sizeOf } from '../layout.ts'
import { program } from '../program/program.ts'
import { index, type Scalar, select } from '../program/scalar.ts'
import { type NestedArray, Tensor } from '../tensor.ts'

export interface TensorOptions {
  /** Default: f32 (see `setDefaultDType`), or what the values suggest. */
  dtype?: DType
  /** Default: the one set with `setDevice`. */
  device?: Backend
  /** Whether to collect gradients. Default false. */
  requiresGrad?: boolean
}

const arrayTypes: readonly (readonly [new (...args: never[]) => TypedArray, DType])[] = [
  [Float32Array, 'f32'],
  [Float64Array, 'f64'],
  [Int32Array, 'i32'],
  [Uint32Array, 'u32'],
]

/** The dtype of a typed array; the smaller integers become i32. (Float16Array is younger than the engines we run on.) */
function typeOf(values: ArrayBufferView): DType {
  if (Object.prototype.toString.call(values) === '[object Float16Array]') return 'f16'
  return arrayTypes.find(([type]) => values instanceof type)?.[1] ?? 'i32'
}

function finish(t: Tensor, options: TensorOptions): Tensor {
  if (options.requiresGrad) t.requiresGrad = true
  return t
}

/** Checks a shape that a caller gave. */
export function checkShape(op: string, shape: Shape): Shape {
  if (!Array.isArray(shape) || shape.some((extent) => !Number.isInteger(extent) || extent < 0))
    throw new ShapeError(
      `${op}: ${JSON.stringify(shape)} is not a shape; sizes are whole numbers >= 0`,
    )
  return shape
}

/** The shape of nested arrays, which must be regular. */
function shapeOf(values: NestedArray): number[] {
  const shape: number[] = []
  let level: NestedArray = values
  while (Array.isArray(level)) {
    shape.push(level.length)
    level = level[0] ?? 0
  }
  const check = (part: NestedArray, axis: number): void => {
    const size = Array.isArray(part) ? part.length : undefined
    if (size !== shape[axis])
      throw new ShapeError(
        `tensor: ragged array: expected ${shape[axis] ?? 'a number'} at depth ${axis}, ` +
          `found ${size === undefined ? 'a number' : `${size} elements`}`,
      )
    if (Array.isArray(part)) for (const inner of part) check(inner, axis + 1)
  }
  check(values, 0)
  return shape
}

/**
 * A tensor from a number, nested arrays, or a typed array (with `shape`, else one axis).
 *
 * The dtype is the typed array's (integers of 8 and 16 bits become i32), or the default float.
 *
 * @throws ShapeError for ragged arrays and for a shape that does not fit the number of values.
 * @example
 * ```ts
 * tensor([[1, 2], [3, 4]])
 * tensor(new Float32Array(6), { shape: [2, 3] })
 * ```
 */
export function tensor(
  values: NestedArray | ArrayLike<number>,
  options: TensorOptions & { shape?: Shape } = {},
): Tensor {
  const device = options.device ?? getDevice()
  const typed = ArrayBuffer.isView(values)
  const flat = typed
    ? (values as unknown as ArrayLike<number>)
    : (([values] as unknown[]).flat(Number.POSITIVE_INFINITY) as number[])
  const own = typed ? [flat.length] : shapeOf(values as NestedArray)
  const shape = options.shape ? checkShape('tensor', options.shape) : own
  if (sizeOf(shape) !== flat.length)
    throw new ShapeError(
      `tensor: ${flat.length} values do not fill ${showShape(shape)} (${sizeOf(shape)} elements)`,
    )
  const dtype =
    options.dtype ?? (typed ? typeOf(values as unknown as ArrayBufferView) : getDefaultDType())
  const t = Tensor.make(device, dtype, shape)
  device.write(t.buffer, stored(dtype, flat))
  return finish(t, options)
}

/** A tensor computed by a program without inputs. */
function generated(
  name: string,
  shape: Shape,
  options: TensorOptions,
  fallback: DType,
  body: (dtype: DType, scalars: readonly Scalar[]) => Scalar,
  values: readonly number[] = [],
): Tensor {
  const dtype = options.dtype ?? fallback
  const device = options.device ?? getDevice()
  const t = Tensor.make(device, dtype, checkShape(name, shape))
  const scalars = values.map(() => dtype)
  const source = program({ name, inputs: [], scalars }, (...leaves) => body(dtype, leaves))
  device.map(source, [], [t], values)
  return finish(t, options)
}

/** Every element `value`. */
export function full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
  return generated('full', shape, options, getDefaultDType(), (_, [v]) => v!, [value])
}

/** Every element 0. */
export function zeros(shape: Shape, options?: TensorOptions): Tensor {
  return full(shape, 0, options)
}

/** Every element 1. */
export function ones(shape: Shape, options?: TensorOptions): Tensor {
  return full(shape, 1, options)
}

/** Zeros of the shape, dtype and device of `x`. */
export function zerosLike(x: Tensor, options: TensorOptions = {}): Tensor {
  return zeros(x.shape, { dtype: x.dtype, device: x.device, ...options })
}

/** Ones of the shape, dtype and device of `x`. */
export function onesLike(x: Tensor, options: TensorOptions = {}): Tensor {
  return ones(x.shape, { dtype: x.dtype, device: x.device, ...options })
}

/**
 * `start, start + step, ...` up to but without `end`; `arange(n)` counts from 0.
 * i32 when all three are whole numbers, else the default float.
 */
export function arange(start: number, end?: number, step = 1, options: TensorOptions = {}): Tensor {
  const [from, to] = end === undefined ? [0, start] : [start, end]
  if (!(step !== 0 && Number.isFinite((to - from) / step)))
    throw new ArgumentError(
      `arange: from ${from} to ${to} by ${step} has no end; step must lead there`,
    )
  const count = Math.max(0, Math.ceil((to - from) / step))
  const whole = [from, to, step].every(Number.isInteger)
  const fallback = whole ? 'i32' : getDefaultDType()
  return generated(
    'arange',
    [count],
    options,
    fallback,
    (dtype, [first, by]) => first!.add(index(0).cast(dtype).mul(by!)),
    [from, step],
  )
}

/** `count` equally spaced numbers from `start` to `end`, both included. */
export function linspace(
  start: number,
  end: number,
  count: number,
  options: TensorOptions = {},
): Tensor {
  const step = count > 1 ? (end - start) / (count - 1) : 0
  // From both ends to the middle, so that the last number is exactly `end`.
  return generated(
    'linspace',
    [count],
    options,
    getDefaultDType(),
    (dtype, [first, last, by]) => {
      const i = index(0).cast(dtype)
      const fromStart = first!.add(i.mul(by!))
      const fromEnd = last!.sub(
        i
          .neg()
          .add(count - 1)
          .mul(by!),
      )
      return select(i.mul(2).lt(count), fromStart, fromEnd)
    },
    [start, end, step],
  )
}

/** Ones where the row's number equals the column's, zeros elsewhere. */
export function eye(rows: number, columns: number = rows, options: TensorOptions = {}): Tensor {
  return generated('eye', [rows, columns], options, getDefaultDType(), (dtype) =>
    index(0).eq(index(1)).cast(dtype),
  )
}

/**
 * One-hot vectors of integer classes: shape `[..., classes]`, 1 at the class and 0 elsewhere (all 0
 * for a class out of range).
 */
export function oneHot(labels: Tensor, classes: number, options: TensorOptions = {}): Tensor {
  if (isFloat(labels.dtype))
    throw new ArgumentError(`oneHot: the labels are ${labels.dtype}; they must be integers`)
  const wide = labels.unsqueeze(-1)
  const columns = arange(0, classes, 1, { device: labels.device })
  return wide.eq(columns).cast(options.dtype ?? getDefaultDType())
}
