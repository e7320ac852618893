/** The header of a safetensors file, checked in full before any data is touched. */
import { FormatError, showShape } from '../errors.ts'
import {
  byteLength,
  type FileDType,
  fileDTypes,
  type HostTensor,
  isFileDType,
  isSize,
} from './host.ts'
import { show } from './show.ts'

/** What a header says of one tensor; the range is in bytes from the start of the data. */
export interface TensorEntry extends Omit<HostTensor, 'data'> {
  readonly start: number
  readonly end: number
}

export interface SafetensorsHeader {
  /** In the order of the data. */
  readonly entries: Map<string, TensorEntry>
  readonly metadata: Record<string, string>
  /** The bytes of data that follow the header. */
  readonly dataSize: number
}

/** The specification's limit on the header. */
const HEADER_LIMIT = 100_000_000

export function fail(why: string): never {
  throw new FormatError(`safetensors: ${why}`)
}

/**
 * The length of the JSON from a file's first eight bytes.
 *
 * @param fileSize Of the whole file, where it is known.
 */
export function headerLength(
  prefix: Uint8Array,
  fileSize: number = Number.POSITIVE_INFINITY,
): number {
  if (prefix.length < 8) fail(`${prefix.length} bytes are too few for a file`)
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true)
  if (length > HEADER_LIMIT)
    fail(`the header claims ${length} bytes; at most ${HEADER_LIMIT} are allowed`)
  const size = Number(length)
  if (8 + size > fileSize)
    fail(`the header claims ${size} bytes, but only ${fileSize - 8} follow; the file is truncated`)
  return size
}

/**
 * @param dataSize The bytes behind the header, where they are known.
 * @throws FormatError as `decodeSafetensors` documents.
 */
export function readHeader(
  json: Uint8Array,
  dataSize: number = Number.POSITIVE_INFINITY,
): SafetensorsHeader {
  const sorted: [string, TensorEntry][] = []
  let metadata: Record<string, string> = {}
  for (const [name, entry] of Object.entries(parse(json))) {
    if (name === '__metadata__') metadata = checkMetadata(entry)
    else sorted.push([name, checkEntry(name, entry, dataSize)])
  }
  sorted.sort(([, a], [, b]) => a.start - b.start || a.end - b.end)
  let end = 0
  for (const [name, entry] of sorted) {
    if (entry.start !== end)
      fail(
        `${show(name)} starts at byte ${entry.start} of the data, but the tensor before it ends ` +
          `at ${end}; ranges may neither overlap nor leave gaps`,
      )
    end = entry.end
  }
  if (Number.isFinite(dataSize) && end !== dataSize)
    fail(`the file has ${dataSize} bytes of data, its header describes ${end}`)
  return { entries: new Map(sorted), metadata, dataSize: end }
}

function parse(bytes: Uint8Array): Record<string, unknown> {
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
  if (twice !== undefined) fail(`the name ${show(twice)} occurs twice in the header`)
  return value as Record<string, unknown>
}

/** The first key of the outermost object that occurs twice in (valid) JSON text. */
function repeatedKey(text: string): string | undefined {
  const seen = new Set<string>()
  let depth = 0
  // By hand: a regular expression for strings runs out of stack on one of many megabytes.
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (char === '{' || char === '[') depth++
    else if (char === '}' || char === ']') depth--
    else if (char === '"') {
      const start = i++
      while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1
      if (depth !== 1) continue
      let next = i + 1
      while (/\s/.test(text[next]!)) next++
      if (text[next] !== ':') continue
      const key = JSON.parse(text.slice(start, i + 1)) as string
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
    !Array.isArray(entry) &&
    Object.values(entry).every((value) => typeof value === 'string')
  return valid
    ? (entry as Record<string, string>)
    : fail('__metadata__ is not an object of strings')
}

function checkEntry(name: string, entry: unknown, dataSize: number): TensorEntry {
  const { dtype, shape, data_offsets: range } = (entry ?? {}) as Record<string, unknown>
  if (!isFileDType(dtype))
    return fail(
      `${show(name)} has the dtype ${show(dtype)}; known are ${Object.keys(fileDTypes).join(', ')}`,
    )
  if (!Array.isArray(shape) || !shape.every(isSize))
    return fail(`${show(name)} has the shape ${show(shape)}; it must be a list of sizes`)
  if (!Array.isArray(range) || range.length !== 2 || !range.every(isSize))
    return fail(`${show(name)} has the data_offsets ${show(range)}; they must be [start, end]`)
  const [start, end] = range as [number, number]
  if (start > end || end > dataSize)
    return fail(
      `${show(name)} lies at bytes ${start} .. ${end}, outside of the file's ${dataSize} bytes of data`,
    )
  const wanted = byteLength(dtype, shape)
  if (wanted !== end - start)
    return fail(
      `${show(name)} is ${showEntry(dtype, shape)}, which takes ${wanted.toFixed(0)} bytes; ` +
        `its range has ${end - start}`,
    )
  return { dtype, shape, start, end }
}

function showEntry(dtype: FileDType, shape: readonly number[]): string {
  return `${dtype} ${shape.length > 20 ? `of ${shape.length} axes` : showShape(shape)}`
}
