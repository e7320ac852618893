/**
 * Element types.
 *
 * A device holds `f32`, `i32`, `u32` and `bool`, and where it can `f64`. A `bool` element is a
 * 32-bit word holding 0 or 1 on every device: GPUs cannot address single bytes, and masks then move
 * through vector units like any other lane. Files hold more types (`f16`, `bf16`, `u8`, `i64`); the
 * readers in `io/` convert them.
 */
export type DType = 'f32' | 'f64' | 'i32' | 'u32' | 'bool'

/** The dtypes that have gradients. */
export type FloatDType = 'f32' | 'f64'

/** The arrays in which values reach the host. */
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint32Array

export interface DTypeInfo {
  readonly bytes: number
  readonly float: boolean
  readonly array: new (buffer: ArrayBufferLike, byteOffset?: number, length?: number) => TypedArray
  /** Rounds or wraps a number to a value that this type can hold. */
  readonly fit: (value: number) => number
}

/** What is to know about each dtype. */
export const dtypes: Readonly<Record<DType, DTypeInfo>> = {
  f32: { bytes: 4, float: true, array: Float32Array, fit: Math.fround },
  f64: { bytes: 8, float: true, array: Float64Array, fit: (v) => v },
  i32: { bytes: 4, float: false, array: Int32Array, fit: (v) => v | 0 },
  u32: { bytes: 4, float: false, array: Uint32Array, fit: (v) => v >>> 0 },
  bool: { bytes: 4, float: false, array: Uint32Array, fit: (v) => (v === 0 ? 0 : 1) },
}

/** Whether a dtype has fractions, and so gradients. */
export function isFloat(dtype: DType): dtype is FloatDType {
  return dtypes[dtype].float
}

/** The size of an element in bytes. */
export function bytesOf(dtype: DType): number {
  return dtypes[dtype].bytes
}

/** Wraps a raw buffer in the typed array of `dtype`. */
export function viewAs(dtype: DType, data: ArrayBufferLike): TypedArray {
  return new dtypes[dtype].array(data)
}

const rank: Record<DType, number> = { bool: 0, u32: 1, i32: 2, f32: 3, f64: 4 }

/** The dtype that holds both: bool < u32 < i32 < f32 < f64 (as PyTorch: a float wins over an integer). */
export function promote(a: DType, b: DType): DType {
  return rank[a] >= rank[b] ? a : b
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
