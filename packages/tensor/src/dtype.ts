/**
 * Element types. A device holds `f32`, `i32`, `u32` and `bool`, and where it can `f64`, `f16` and `bf16`. A `bool`
 * element is a 32-bit word holding 0 or 1 on every device: GPUs cannot address single bytes, and
 * masks then move through vector units like any other lane. The two halves are for storage: whatever
 * is computed from them is computed in f32 and rounded once, where it is stored. Files hold more
 * types (`u8`, `i64`); the readers in `io/` convert them.
 */
import { bfloatToFloat, floatToBfloat, floatToHalf, halfToFloat } from './half.ts'

/** The type of an element; see above for which devices have which. */
export type DType = 'f16' | 'bf16' | 'f32' | 'f64' | 'i32' | 'u32' | 'bool'

/** The dtypes of 16 bits: IEEE half precision, and the upper half of an f32. */
export type HalfDType = 'f16' | 'bf16'

/** The dtypes that have gradients. */
export type FloatDType = 'f32' | 'f64' | HalfDType

/** The arrays in which values reach the host; halves arrive as the f32 they stand for. */
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint32Array

/** Values as they lie in memory; halves as their bits. */
export type StoredArray = TypedArray | Uint16Array

export interface DTypeInfo {
  readonly bytes: number
  readonly float: boolean
  readonly array: new (buffer: ArrayBufferLike, byteOffset?: number, length?: number) => StoredArray
  /** Rounds or wraps a number to a value that this type computes with. */
  readonly fit: (value: number) => number
  /** Of halves: their bits as a number. */
  readonly decode?: (bits: number) => number
  /** Of halves: the bits of the nearest value, to even on a tie. */
  readonly encode?: (value: number) => number
}

const half = { bytes: 2, float: true, array: Uint16Array, fit: Math.fround }

/** What is to know about each dtype. */
export const dtypes: Readonly<Record<DType, DTypeInfo>> = {
  bool: { bytes: 4, float: false, array: Uint32Array, fit: (v) => (v === 0 ? 0 : 1) },
  u32: { bytes: 4, float: false, array: Uint32Array, fit: (v) => v >>> 0 },
  i32: { bytes: 4, float: false, array: Int32Array, fit: (v) => v | 0 },
  f16: { ...half, decode: halfToFloat, encode: floatToHalf },
  bf16: { ...half, decode: bfloatToFloat, encode: floatToBfloat },
  f32: { bytes: 4, float: true, array: Float32Array, fit: Math.fround },
  f64: { bytes: 8, float: true, array: Float64Array, fit: (v) => v },
}

/** Each dtype's number, which is unique; of two, the one with the larger number holds both, but for the halves. */
export const order: Readonly<Record<DType, number>> = Object.fromEntries(
  Object.keys(dtypes).map((name, i) => [name, i]),
) as Record<DType, number>

/** Whether a dtype has fractions, and so gradients. */
export function isFloat(dtype: DType): dtype is FloatDType {
  return dtypes[dtype].float
}

/** Whether a dtype is stored in 16 bits and computed in f32. */
export function isHalf(dtype: DType): dtype is HalfDType {
  return dtypes[dtype].bytes === 2
}

/** The dtype in which values of `dtype` are computed: f32 for halves, else itself. */
export function computeType<D extends DType>(dtype: D): Exclude<D, HalfDType> | 'f32' {
  return isHalf(dtype) ? 'f32' : (dtype as Exclude<D, HalfDType>)
}

/** The size of an element in bytes. */
export function bytesOf(dtype: DType): number {
  return dtypes[dtype].bytes
}

/** The values in a raw buffer of `dtype`: a typed array on it, or of halves an f32 copy. */
export function viewAs(dtype: DType, data: ArrayBufferLike): TypedArray {
  const { array, decode } = dtypes[dtype]
  const stored = new array(data)
  return decode ? Float32Array.from(stored, decode) : (stored as TypedArray)
}

/** Numbers as memory of `dtype` holds them. */
export function stored(dtype: DType, values: ArrayLike<number>): StoredArray {
  const { array, bytes, fit, encode = fit } = dtypes[dtype]
  if (values instanceof array && bytes !== 2 && dtype !== 'bool') return values
  const result = new array(new ArrayBuffer(values.length * bytes))
  for (let i = 0; i < values.length; i++) result[i] = encode(values[i]!)
  return result
}

/** The dtype that holds both: bool < u32 < i32 < f16, bf16 < f32 < f64 (as PyTorch: a float wins over an integer, and f16 with bf16 is f32). */
export function promote(a: DType, b: DType): DType {
  if (a !== b && isHalf(a) && isHalf(b)) return 'f32'
  return order[a] >= order[b] ? a : b
}

let defaultFloat: FloatDType = 'f32'

/** The float dtype of tensors made from plain numbers; `'f32'` unless {@link setDefaultDType} says otherwise. */
export function getDefaultDType(): FloatDType {
  return defaultFloat
}

/** Sets the float dtype of tensors made from plain numbers, random fills and layer parameters. */
export function setDefaultDType(dtype: FloatDType): void {
  defaultFloat = dtype
}
