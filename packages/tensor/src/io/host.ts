/** Tensors in host memory as files hold them, and the way to a device and back. */
import type { Backend } from '../backend.ts'
import { getDevice } from '../device.ts'
import {
  bytesOf,
  type DType,
  dtypes,
  type FloatDType,
  isHalf,
  stored,
  type TypedArray,
} from '../dtype.ts'
import { FormatError } from '../errors.ts'
import { bfloatToFloat, halfToFloat } from '../half.ts'
import type { Shape } from '../layout.ts'
import { tensor } from '../ops/create.ts'
import type { Tensor } from '../tensor.ts'
import { swapBytes } from './bytes.ts'

/** The dtypes that a file may hold, with their size in bytes. */
export const fileDTypes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
} as const

/** An element type of files, under the name that safetensors gives it. */
export type FileDType = keyof typeof fileDTypes

/** A tensor in host memory: its raw little-endian bytes, dense and in row-major order. */
export interface HostTensor {
  readonly dtype: FileDType
  readonly shape: Shape
  readonly data: Uint8Array
}

/** A size or an offset that a file may claim. */
export const isSize = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0

export const isFileDType = (value: unknown): value is FileDType =>
  typeof value === 'string' && Object.hasOwn(fileDTypes, value)

/**
 * The bytes that a tensor takes. Exact below 2^53; a larger product is rounded but stays above every
 * size that a file can have.
 */
export function byteLength(dtype: FileDType, shape: Shape): number {
  if (shape.includes(0)) return 0
  return shape.reduce((size, extent) => size * extent, fileDTypes[dtype])
}

/** Whether a value from somewhere is a {@link HostTensor} whose bytes fit its shape. */
export function isHostTensor(value: unknown): value is HostTensor {
  if (typeof value !== 'object' || value === null) return false
  const { dtype, shape, data } = value as Partial<Record<keyof HostTensor, unknown>>
  if (!isFileDType(dtype) || !Array.isArray(shape) || !shape.every(isSize)) return false
  return data instanceof Uint8Array && data.length === byteLength(dtype, shape)
}

const hostIsLittle = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

const deviceDType: Record<FileDType, DType> = {
  BOOL: 'bool',
  U8: 'i32',
  I8: 'i32',
  U16: 'i32',
  I16: 'i32',
  I32: 'i32',
  I64: 'i32',
  U32: 'u32',
  U64: 'u32',
  F16: 'f32',
  BF16: 'f32',
  F32: 'f32',
  F64: 'f64',
}

const fileDType: Record<DType, FileDType> = {
  f16: 'F16',
  bf16: 'BF16',
  f32: 'F32',
  f64: 'F64',
  i32: 'I32',
  u32: 'U32',
  bool: 'BOOL',
}

/** The elements as numbers, little-endian whatever the machine. */
function elements({ dtype, data }: HostTensor): Float64Array {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const size = fileDTypes[dtype]
  const count = data.byteLength / size
  const read = readers[dtype]
  const result = new Float64Array(count)
  for (let i = 0; i < count; i++) result[i] = read(view, i * size)
  return result
}

const readers: Record<FileDType, (view: DataView, at: number) => number> = {
  BOOL: (view, at) => view.getUint8(at),
  U8: (view, at) => view.getUint8(at),
  I8: (view, at) => view.getInt8(at),
  U16: (view, at) => view.getUint16(at, true),
  I16: (view, at) => view.getInt16(at, true),
  F16: (view, at) => halfToFloat(view.getUint16(at, true)),
  BF16: (view, at) => bfloatToFloat(view.getUint16(at, true)),
  U32: (view, at) => view.getUint32(at, true),
  I32: (view, at) => view.getInt32(at, true),
  F32: (view, at) => view.getFloat32(at, true),
  U64: (view, at) => whole(view.getBigUint64(at, true), 0n, 2n ** 32n - 1n),
  I64: (view, at) => whole(view.getBigInt64(at, true), -(2n ** 31n), 2n ** 31n - 1n),
  F64: (view, at) => view.getFloat64(at, true),
}

/** A 64-bit integer as the 32-bit one that devices have; a wrapped one would be a wrong number. */
function whole(value: bigint, smallest: bigint, largest: bigint): number {
  if (value < smallest || value > largest)
    throw new FormatError(
      `fromHost: the integer ${value} does not fit 32 bits (${smallest} .. ${largest})`,
    )
  return Number(value)
}

/** The same bits as a typed array, for dtypes that files and devices store alike. */
function sameBits({ data }: HostTensor, dtype: DType): TypedArray {
  const { array, bytes } = dtypes[dtype]
  const aligned = data.byteOffset % bytes === 0 ? data : new Uint8Array(data)
  return new array(aligned.buffer, aligned.byteOffset, aligned.byteLength / bytes) as TypedArray
}

/** How file tensors become tensors on a device. */
export interface LoadOptions {
  /** Default: the one set with `setDevice`. */
  device?: Backend
  /** The dtype of all float tensors; by default F16, BF16 and F32 become f32 and F64 becomes f64 (f32 where the device has no f64). */
  dtype?: FloatDType
}

/**
 * A tensor on a device from one in host memory; integers become i32 or u32, halves f32 unless `options.dtype` says otherwise.
 *
 * @throws FormatError for a 64-bit integer that does not fit 32 bits.
 */
export function fromHost(host: HostTensor, options: LoadOptions = {}): Tensor {
  const device = options.device ?? getDevice()
  const natural = deviceDType[host.dtype]
  const fallback = natural === 'f64' && !device.dtypes.has('f64') ? 'f32' : natural
  const dtype = dtypes[natural].float ? (options.dtype ?? fallback) : natural
  // Not through numbers where nothing is to convert: that would also quiet a signalling NaN.
  const alike =
    hostIsLittle && dtype !== 'bool' && !isHalf(dtype) && fileDType[dtype] === host.dtype
  const values = alike ? sameBits(host, dtype) : elements(host)
  return tensor(values, { dtype, shape: host.shape, device })
}

/** A tensor's values in host memory, as a file stores them. */
export async function toHost(t: Tensor): Promise<HostTensor> {
  const { dtype, shape } = t
  const values = stored(dtype, await t.data())
  if (dtype === 'bool') return { dtype: 'BOOL', shape, data: Uint8Array.from(values) }
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  const data = hostIsLittle ? bytes : swapBytes(bytes, bytesOf(dtype))
  return { dtype: fileDType[dtype], shape, data }
}
