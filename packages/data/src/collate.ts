/** Many samples as one batch. */
import {
  ArgumentError,
  type DType,
  ShapeError,
  stack,
  Tensor,
  type TypedArray,
  tensor,
} from '@nablajs/tensor'
import type { HostArray } from './dataset.ts'

/** What {@link collate} makes of samples of a type. */
export type Collated<Sample> = Sample extends Tensor | HostArray | number | boolean
  ? Tensor
  : Sample extends string
    ? string[]
    : Sample extends object
      ? { [Key in keyof Sample]: Collated<Sample[Key]> }
      : unknown

/**
 * Stacks samples along a new first axis, as the loader does unless it is told otherwise.
 *
 * Tensors and {@link HostArray}s of one shape become one tensor with a leading axis; numbers become
 * the default float (give integer labels as `{ dtype: 'i32', shape: [], data }`), booleans become
 * `bool`, strings an array; objects and arrays are stacked part by part.
 *
 * @throws ShapeError naming the part and the two samples when shapes differ.
 */
export function collate<Sample>(samples: readonly Sample[]): Collated<Sample> {
  if (samples.length === 0) throw new ArgumentError('collate: there are no samples')
  return stackParts('', samples) as Collated<Sample>
}

function stackParts(path: string, parts: readonly unknown[]): unknown {
  const [first] = parts
  if (parts.every((part) => part instanceof Tensor)) {
    checkShapes(path, parts)
    return stack(parts)
  }
  if (parts.every(isHostArray)) return stackArrays(path, parts)
  if (parts.every((part) => typeof part === 'number')) return tensor(parts)
  if (parts.every((part) => typeof part === 'boolean'))
    return tensor(parts.map(Number), { dtype: 'bool', shape: [parts.length] })
  if (parts.every((part) => typeof part === 'string')) return [...parts]
  if (parts.every(isList)) {
    if (parts.some((part) => part.length !== parts[0]!.length))
      throw new ShapeError(`collate: ${where(path)} arrays of different lengths; pass { collate }`)
    return parts[0]!.map((_, i) =>
      stackParts(
        `${path}[${i}]`,
        parts.map((part) => part[i]),
      ),
    )
  }
  if (parts.every(isRecord))
    return Object.fromEntries(
      Object.keys(parts[0]!).map((key) => [
        key,
        stackParts(
          path ? `${path}.${key}` : key,
          parts.map((part) => part[key]),
        ),
      ]),
    )
  throw new ArgumentError(
    `collate: ${where(path)} values of the kind ${describe(first)}, or of several kinds; ` +
      'batches are made of tensors, arrays, numbers, booleans and strings, or by { collate }',
  )
}

const where = (path: string): string => (path ? `${path} has` : 'the samples are')

function describe(value: unknown): string {
  return value === null ? 'null' : typeof value
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

function isHostArray(value: unknown): value is HostArray {
  return (
    isRecord(value) && 'dtype' in value && 'shape' in value && ArrayBuffer.isView(value['data'])
  )
}

function checkShapes(
  path: string,
  parts: readonly { readonly dtype: DType; readonly shape: readonly number[] }[],
): void {
  const show = ({ dtype, shape }: (typeof parts)[number]): string =>
    `${dtype} [${shape.join(', ')}]`
  const wanted = show(parts[0]!)
  const odd = parts.findIndex((part) => show(part) !== wanted)
  if (odd !== -1)
    throw new ShapeError(
      `collate: ${path ? `${path}: ` : ''}the first sample of the batch is ${wanted}, but number ` +
        `${odd} is ${show(parts[odd]!)}; make them equal, or pass { collate }`,
    )
}

/** One upload for the whole batch. */
function stackArrays(path: string, parts: readonly HostArray[]): Tensor {
  checkShapes(path, parts)
  const { dtype, shape, data } = parts[0]!
  const all = new (data.constructor as new (length: number) => TypedArray)(
    parts.length * data.length,
  )
  parts.forEach((part, i) => {
    if (part.data.length !== data.length)
      throw new ShapeError(
        `collate: ${path ? `${path}: ` : ''}${part.data.length} values came for [${shape.join(', ')}]`,
      )
    all.set(part.data, i * data.length)
  })
  return tensor(all, { dtype, shape: [parts.length, ...shape] })
}
