/**
 * The safetensors format: eight bytes with the length of a JSON header (little-endian), the header
 * with dtype, shape and byte range of each tensor, then the raw data.
 * Source: the format's specification in the README of the safetensors project (Hugging Face).
 *
 * A header is somebody else's claim: lengths, ranges and counts are checked before anything is
 * allocated, and a file is read whole or not at all.
 */
import type { Backend } from '../backend.ts'
import { bytesOf, type DType, dtypes, type TypedArray } from '../dtype.ts'
import { FormatError, showShape } from '../errors.ts'
import type { Shape } from '../layout.ts'
import { tensor } from '../ops/create.ts'
import type { Tensor } from '../tensor.ts'
import { bfloatToFloat, halfToFloat } from './half.ts'

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

export type FileDType = keyof typeof fileDTypes

/** A tensor in host memory: its raw little-endian bytes. */
export interface HostTensor {
  readonly dtype: FileDType
  readonly shape: Shape
  readonly data: Uint8Array
}

export interface SafetensorsFile {
  /** In the order of the data. */
  readonly tensors: Map<string, HostTensor>
  readonly metadata: Record<string, string>
}

/** The specification's limit on the header. */
const HEADER_LIMIT = 100_000_000

function fail(why: string): never {
  throw new FormatError(`safetensors: ${why}`)
}

/**
 * Reads a file held in memory. The tensors are views on `bytes`, not copies.
 *
 * @throws FormatError for anything that the specification does not allow: a header that is too long,
 *   no JSON or not an object, unknown dtypes, shapes that do not fit their byte range, ranges that
 *   overlap, leave gaps or lie outside of the file, and names that occur twice.
 */
export function decodeSafetensors(bytes: Uint8Array): SafetensorsFile {
  const { header, data } = splitHeader(bytes)
  const tensors: [string, HostTensor, number][] = []
  const metadata: Record<string, string> = {}
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') Object.assign(metadata, checkMetadata(entry))
    else tensors.push(readEntry(name, entry, data))
  }
  tensors.sort((a, b) => a[2] - b[2] || a[1].data.length - b[1].data.length)
  let end = 0
  for (const [name, { data: own }, start] of tensors) {
    if (start !== end)
      fail(
        `"${name}" starts at byte ${start} of the data, but the tensor before it ends at ${end}; ` +
          'ranges may neither overlap nor leave gaps',
      )
    end = start + own.length
  }
  if (end !== data.length)
    fail(`the file has ${data.length} bytes of data, its header describes ${end}`)
  return { tensors: new Map(tensors.map(([name, host]) => [name, host])), metadata }
}

function splitHeader(bytes: Uint8Array): { header: Record<string, unknown>; data: Uint8Array } {
  if (bytes.length < 8) fail(`${bytes.length} bytes are too few for a file`)
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  if (length > HEADER_LIMIT)
    fail(`the header claims ${length} bytes; at most ${HEADER_LIMIT} are allowed`)
  const size = Number(length)
  if (8 + size > bytes.length)
    fail(
      `the header claims ${size} bytes, but only ${bytes.length - 8} follow; the file is truncated`,
    )
  const header = parseHeader(bytes.subarray(8, 8 + size))
  return { header, data: bytes.subarray(8 + size) }
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let text: string
  let value: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    value = JSON.parse(text)
  } catch {
    return fail('the header is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return fail('the header is not a JSON object')
  // JSON.parse keeps the last of two equal keys; a second one would silently replace a tensor.
  const twice = repeatedKey(text)
  if (twice !== undefined) fail(`the name "${twice}" occurs twice in the header`)
  return value as Record<string, unknown>
}

/** The first key of the outermost object that occurs twice in (valid) JSON text. */
function repeatedKey(text: string): string | undefined {
  const seen = new Set<string>()
  let depth = 0
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]]/g
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [found] = match
    if (found === '{' || found === '[') depth++
    else if (found === '}' || found === ']') depth--
    else if (depth === 1 && /^\s*:/.test(text.slice(token.lastIndex, token.lastIndex + 64))) {
      const key = JSON.parse(found) as string
      if (seen.has(key)) return key
      seen.add(key)
    }
  }
  return undefined
}

function checkMetadata(entry: unknown): Record<string, string> {
  const valid =
    typeof entry === 'object' &&
    entry !== null &&
    Object.values(entry).every((value) => typeof value === 'string')
  return valid
    ? (entry as Record<string, string>)
    : fail('__metadata__ is not an object of strings')
}

const isSize = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0

function readEntry(name: string, entry: unknown, data: Uint8Array): [string, HostTensor, number] {
  const { dtype, shape, data_offsets: range } = (entry ?? {}) as Record<string, unknown>
  if (typeof dtype !== 'string' || !Object.hasOwn(fileDTypes, dtype))
    return fail(
      `"${name}" has the dtype ${JSON.stringify(dtype)}; known are ${Object.keys(fileDTypes).join(', ')}`,
    )
  if (!Array.isArray(shape) || !shape.every(isSize))
    return fail(`"${name}" has the shape ${JSON.stringify(shape)}; it must be a list of sizes`)
  if (!Array.isArray(range) || range.length !== 2 || !range.every(isSize))
    return fail(
      `"${name}" has the data_offsets ${JSON.stringify(range)}; they must be [start, end]`,
    )
  const [start, end] = range as [number, number]
  if (start > end || end > data.length)
    return fail(
      `"${name}" lies at bytes ${start} .. ${end}, outside of the file's ${data.length} bytes of data`,
    )
  const wanted = shape.reduce<bigint>(
    (size, extent: number) => size * BigInt(extent),
    BigInt(fileDTypes[dtype as FileDType]),
  )
  if (wanted !== BigInt(end - start))
    return fail(
      `"${name}" is ${dtype} ${showShape(shape)}, which takes ${wanted} bytes; its range has ${end - start}`,
    )
  return [name, { dtype: dtype as FileDType, shape, data: data.subarray(start, end) }, start]
}

/**
 * Writes tensors as one file. Entries are laid out by falling element size, then by name, so that
 * all data is aligned and the same entries give the same bytes.
 */
export function encodeSafetensors(
  entries: Readonly<Record<string, HostTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const names = Object.keys(entries).sort((a, b) => {
    const [x, y] = [entries[a]!, entries[b]!]
    return fileDTypes[y.dtype] - fileDTypes[x.dtype] || (a < b ? -1 : 1)
  })
  const header: [string, unknown][] = []
  if (Object.keys(metadata).length > 0) header.push(['__metadata__', metadata])
  let size = 0
  for (const name of names) {
    if (name === '__metadata__') fail('"__metadata__" cannot be the name of a tensor')
    const { dtype, shape, data } = entries[name]!
    header.push([name, { dtype, shape, data_offsets: [size, size + data.length] }])
    size += data.length
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)))
  // Spaces after the JSON bring the data to a multiple of 8.
  const padded = Math.ceil(json.length / 8) * 8
  const file = new Uint8Array(8 + padded + size)
  new DataView(file.buffer).setBigUint64(0, BigInt(padded), true)
  file.set(json, 8)
  file.fill(0x20, 8 + json.length, 8 + padded)
  let at = 8 + padded
  for (const name of names) {
    file.set(entries[name]!.data, at)
    at += entries[name]!.data.length
  }
  return file
}

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

/** The elements as numbers, little-endian whatever the machine; 64-bit integers must fit 53 bits. */
function elements({ dtype, data }: HostTensor): ArrayLike<number> {
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
  U64: (view, at) => whole(view.getBigUint64(at, true)),
  I64: (view, at) => whole(view.getBigInt64(at, true)),
  F64: (view, at) => view.getFloat64(at, true),
}

function whole(value: bigint): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) fail(`the integer ${value} is too large for a number`)
  return number
}

export interface LoadOptions {
  /** Default: the one set with `setDevice`. */
  device?: Backend
  /** The dtype of all float tensors; by default F16, BF16 and F32 become f32 and F64 becomes f64 (f32 where the device has no f64). */
  dtype?: 'f32' | 'f64'
}

/** A tensor on a device from one in host memory; integers become i32 or u32, halves f32. */
export function fromHost(host: HostTensor, options: LoadOptions = {}): Tensor {
  const natural = deviceDType[host.dtype]
  const lacksDouble = natural === 'f64' && options.device && !options.device.dtypes.has('f64')
  const dtype = dtypes[natural].float ? (options.dtype ?? (lacksDouble ? 'f32' : natural)) : natural
  const { shape } = host
  return tensor(elements(host), { dtype, shape, ...(options.device && { device: options.device }) })
}

const fileDType: Record<DType, FileDType> = {
  f32: 'F32',
  f64: 'F64',
  i32: 'I32',
  u32: 'U32',
  bool: 'BOOL',
}

/** A tensor's values in host memory, as a file stores them. */
export async function toHost(t: Tensor): Promise<HostTensor> {
  const values = await t.data()
  const data = t.dtype === 'bool' ? Uint8Array.from(values) : littleEndian(values, bytesOf(t.dtype))
  return { dtype: fileDType[t.dtype], shape: t.shape, data }
}

const hostIsLittle = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

function littleEndian(values: TypedArray, size: number): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  if (hostIsLittle) return bytes
  const swapped = new Uint8Array(bytes.length)
  for (let i = 0; i < bytes.length; i++) swapped[i] = bytes[i - (i % size) + size - 1 - (i % size)]!
  return swapped
}

/**
 * Tensors as the bytes of a safetensors file, with optional string metadata.
 *
 * @example
 * ```ts
 * await writeFile('model.safetensors', await saveTensors(model.stateDict()))
 * ```
 */
export async function saveTensors(
  tensors: Readonly<Record<string, Tensor>>,
  metadata?: Readonly<Record<string, string>>,
): Promise<Uint8Array> {
  const entries: [string, HostTensor][] = []
  for (const [name, t] of Object.entries(tensors)) entries.push([name, await toHost(t)])
  return encodeSafetensors(Object.fromEntries(entries), metadata)
}

/**
 * The tensors of a safetensors file on a device.
 *
 * @throws FormatError when the bytes are not a valid file; see {@link decodeSafetensors}.
 */
export function loadTensors(
  bytes: Uint8Array,
  options: LoadOptions = {},
): { tensors: Record<string, Tensor>; metadata: Record<string, string> } {
  const { tensors, metadata } = decodeSafetensors(bytes)
  const loaded = [...tensors].map(([name, host]) => [name, fromHost(host, options)] as const)
  return { tensors: Object.fromEntries(loaded), metadata }
}
