/**
 * Zip archives in memory: what npz files and PyTorch checkpoints are.
 * Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 (records), 4.4 (fields), 4.5.3 (zip64).
 *
 * This reader is ours, and not a library, for three reasons. Stored entries, which all of PyTorch's
 * and most of numpy's are, come back as views; the small libraries (fflate among them) copy them.
 * The archive is refused where its records disagree, which those libraries do not look at: entries
 * that overlap, names that differ between directory and entry, checksums. And what a library would be
 * used for, inflating, browsers and Node have built in (`DecompressionStream`), off the main thread.
 */
import { ArgumentError, FormatError } from '../errors.ts'
import { concat } from './bytes.ts'
import { crc32 } from './crc32.ts'
import { isSize } from './host.ts'
import { show } from './show.ts'

/** Limits for archives of unknown origin. */
export interface ArchiveOptions {
  /**
   * The bytes that the content may take beyond the archive's own: compressed entries once inflated,
   * and copies of strided tensors. Default: 64 MiB and 64 times the archive.
   */
  maxExpandedBytes?: number
  /**
   * Whether the checksum of every entry is verified; default true. Some programs write zeros there
   * (PyTorch does when told not to compute them).
   */
  checksums?: boolean
}

/** Bytes that may still be allocated for the content of an archive. */
export class Budget {
  readonly #limit: number
  #used = 0

  constructor(format: string, archiveBytes: number, { maxExpandedBytes: limit }: ArchiveOptions) {
    if (limit !== undefined && !isSize(limit))
      throw new ArgumentError(
        `${format}: maxExpandedBytes is ${limit}; it must be a whole number >= 0`,
      )
    this.#limit = limit ?? 64 * (archiveBytes + 2 ** 20)
  }

  /** @throws FormatError when `bytes` more are too many. */
  take(format: string, what: string, bytes: number): void {
    this.#used += bytes
    if (this.#used > this.#limit)
      throw new FormatError(
        `${format}: with ${what} the content takes more than ${this.#limit} bytes beyond the file; ` +
          'raise maxExpandedBytes if you trust it',
      )
  }
}

const STORED = 0
const DEFLATED = 8
const WIDE = 0xffffffff
/** A byte of deflated data stands for at most 1032: 258 bytes in two bits. */
const STEEPEST = 1032

interface Entry {
  readonly name: string
  readonly method: number
  /** The bytes in the archive. */
  readonly packed: Uint8Array
  /** The length of the content. */
  readonly size: number
  readonly crc: number
}

function fail(why: string): never {
  throw new FormatError(`zip: ${why}`)
}

/**
 * The content of all entries by name. Stored entries are views on `bytes`.
 *
 * @throws FormatError for archives that are truncated, encrypted, split, compressed by another method
 *   than deflate, contradictory (overlapping entries, names that occur twice or differ between the
 *   records), damaged (checksums), that name paths outside of the archive, or grow past the limit.
 */
export async function readZip(
  bytes: Uint8Array,
  options: ArchiveOptions,
  budget: Budget = new Budget('zip', bytes.length, options),
): Promise<Map<string, Uint8Array>> {
  const entries = listEntries(bytes)
  for (const { method, name, size } of entries)
    if (method === DEFLATED) budget.take('zip', `the entry ${show(name)}`, size)
  const contents = new Map<string, Uint8Array>()
  for (const entry of entries) {
    const content = entry.method === STORED ? entry.packed : await inflate(entry)
    if (options.checksums !== false && crc32(content) !== entry.crc)
      fail(
        `the checksum of the entry ${show(entry.name)} does not fit; the file is damaged ` +
          '(or was written without checksums: { checksums: false } reads it)',
      )
    contents.set(entry.name, content)
  }
  return contents
}

/** Reads little-endian fields; a 64-bit one must fit a number. */
function fieldsOf(bytes: Uint8Array): {
  u16: (at: number) => number
  u32: (at: number) => number
  u64: (at: number) => number
} {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return {
    u16: (at) => view.getUint16(at, true),
    u32: (at) => view.getUint32(at, true),
    u64: (at) => Number(view.getBigUint64(at, true)),
  }
}

/** Where the directory lies and how many entries it claims. */
function findDirectory(bytes: Uint8Array): { start: number; end: number; count: number } {
  const { u16, u32, u64 } = fieldsOf(bytes)
  // The record ends the file, behind it only a comment whose length it knows.
  let at = bytes.length - 22
  const lowest = Math.max(0, at - 0xffff)
  while (at >= lowest && !(u32(at) === 0x06054b50 && at + 22 + u16(at + 20) === bytes.length)) at--
  if (at < lowest) return fail('there is no end record; this is no zip archive, or it is truncated')
  let [count, size, start, end] = [u16(at + 10), u32(at + 12), u32(at + 16), at]
  if (u16(at + 4) !== u16(at + 6) || u16(at + 8) !== count)
    return fail('the archive is split into several files')
  if (at >= 20 && u32(at - 20) === 0x07064b50) {
    end = u64(at - 12)
    if (end > at - 76 || u32(end) !== 0x06064b50)
      return fail('the zip64 end record is not where its locator says')
    const wide = [u64(end + 32), u64(end + 40), u64(end + 48)] as const
    const agrees = (narrow: number, most: number, i: 0 | 1 | 2): boolean =>
      narrow === most || narrow === wide[i]
    if (!agrees(count, 0xffff, 0) || !agrees(size, WIDE, 1) || !agrees(start, WIDE, 2))
      return fail('the end record and the zip64 end record contradict each other')
    ;[count, size, start] = wide
  }
  if (start + size !== end)
    return fail(`the directory at byte ${start} with ${size} bytes does not end at its end record`)
  return { start, end, count }
}

function listEntries(bytes: Uint8Array): Entry[] {
  const { u16, u32 } = fieldsOf(bytes)
  const directory = findDirectory(bytes)
  const names = new Set<string>()
  const found: { entry: Entry; from: number; to: number }[] = []
  let at = directory.start
  while (at < directory.end) {
    if (at + 46 > directory.end || u32(at) !== 0x02014b50)
      return fail(`there is no directory entry at byte ${at}`)
    const nameEnd = at + 46 + u16(at + 28)
    const extraEnd = nameEnd + u16(at + 30)
    const next = extraEnd + u16(at + 32)
    if (next > directory.end) return fail(`the directory entry at byte ${at} is truncated`)
    const rawName = bytes.subarray(at + 46, nameEnd)
    const name = readName(rawName)
    if (names.has(name)) return fail(`the entry ${show(name)} occurs twice`)
    names.add(name)
    const [flags, method, crc] = [u16(at + 8), u16(at + 10), u32(at + 16)]
    // Bits 0, 5, 6 and 13: encryption and patches.
    if (flags & 0x2061) return fail(`the entry ${show(name)} is encrypted or a patch`)
    if (method !== STORED && method !== DEFLATED)
      return fail(`the entry ${show(name)} is compressed by method ${method}; deflate (8) is known`)
    const extra = bytes.subarray(nameEnd, extraEnd)
    const { size, packedSize, offset } = readSizes(name, extra, {
      size: u32(at + 24),
      packedSize: u32(at + 20),
      offset: u32(at + 42),
    })
    const from = dataStart(bytes, offset, directory.start, { name, rawName, method })
    const to = from + packedSize
    if (to > directory.start) return fail(`the entry ${show(name)} is truncated`)
    if (method === STORED ? size !== packedSize : size > packedSize * STEEPEST)
      return fail(`the entry ${show(name)} claims ${size} bytes from ${packedSize}`)
    found.push({
      entry: { name, method, packed: bytes.subarray(from, to), size, crc },
      from: offset,
      to,
    })
    at = next
  }
  if (found.length !== directory.count)
    return fail(`the directory has ${found.length} entries, its end record says ${directory.count}`)
  // Overlapping entries let a small file hold a huge content.
  found.sort((a, b) => a.from - b.from)
  found.forEach(({ entry, from }, i) => {
    const before = found[i - 1]
    if (before && before.to > from)
      fail(`the entries ${show(before.entry.name)} and ${show(entry.name)} overlap`)
  })
  return found.map(({ entry }) => entry)
}

/** The content of archives stays in memory, but names reach users, who may make files of them. */
function readName(raw: Uint8Array): string {
  let name: string
  try {
    name = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw)
  } catch {
    return fail('the name of an entry is not UTF-8')
  }
  const parts = name.split('/')
  const outside = parts.includes('..') || parts[0] === '' || /[\\\0]|^[a-z]:/i.test(name)
  if (outside) return fail(`the entry ${show(name)} has a name that leads out of the archive`)
  return name
}

interface Sizes {
  size: number
  packedSize: number
  offset: number
}

/** Replaces the fields that were too small by those of the zip64 extra field, in its fixed order. */
function readSizes(name: string, extra: Uint8Array, narrow: Sizes): Sizes {
  const wide = (['size', 'packedSize', 'offset'] as const).filter((key) => narrow[key] === WIDE)
  if (wide.length === 0) return narrow
  const { u16, u64 } = fieldsOf(extra)
  for (let at = 0; at + 4 <= extra.length; at += 4 + u16(at + 2)) {
    if (u16(at) !== 1) continue
    const enough = u16(at + 2) >= 8 * wide.length && at + 4 + 8 * wide.length <= extra.length
    if (!enough) break
    const result = { ...narrow }
    wide.forEach((key, i) => {
      result[key] = u64(at + 4 + 8 * i)
    })
    return result
  }
  return fail(`the entry ${show(name)} lacks its zip64 sizes`)
}

/** Where an entry's data begins: behind its own header, which must say what the directory says. */
function dataStart(
  bytes: Uint8Array,
  offset: number,
  limit: number,
  { name, rawName, method }: { name: string; rawName: Uint8Array; method: number },
): number {
  const { u16, u32 } = fieldsOf(bytes)
  if (offset + 30 > limit || u32(offset) !== 0x04034b50)
    return fail(`the entry ${show(name)} is not at byte ${offset}, where the directory says`)
  const nameLength = u16(offset + 26)
  const own = bytes.subarray(offset + 30, offset + 30 + nameLength)
  const same = own.length === rawName.length && own.every((byte, i) => byte === rawName[i])
  if (!same || u16(offset + 8) !== method)
    return fail(`the header of the entry ${show(name)} contradicts the directory`)
  return offset + 30 + nameLength + u16(offset + 28)
}

/** Inflates into exactly the bytes that the entry claims, and stops at the first one too many. */
async function inflate({ name, packed, size }: Entry): Promise<Uint8Array> {
  const stream = through(packed, new DecompressionStream('deflate-raw'))
  const content = new Uint8Array(size)
  let at = 0
  for (;;) {
    let chunk: Uint8Array | undefined
    try {
      chunk = (await stream.read()).value
    } catch {
      return fail(`the compressed data of the entry ${show(name)} is damaged`)
    }
    if (!chunk) break
    if (at + chunk.length > size) {
      stream.cancel().catch(() => {})
      return fail(`the entry ${show(name)} inflates to more than the ${size} bytes it claims`)
    }
    content.set(chunk, at)
    at += chunk.length
  }
  if (at !== size) fail(`the entry ${show(name)} inflates to ${at} bytes, it claims ${size}`)
  return content
}

/** What comes out when all of `bytes` goes into a transformation. */
function through(
  bytes: Uint8Array,
  { writable, readable }: DecompressionStream | CompressionStream,
): ReadableStreamDefaultReader<Uint8Array> {
  const writer = writable.getWriter()
  // Failures show on the reading side; unread promises must not count as unhandled.
  writer.write(bytes as Uint8Array<ArrayBuffer>).catch(() => {})
  writer.close().catch(() => {})
  return readable.getReader()
}

async function deflate(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = through(bytes, new CompressionStream('deflate-raw'))
  const chunks: Uint8Array[] = []
  for (let { value } = await stream.read(); value; { value } = await stream.read())
    chunks.push(value)
  return concat(chunks)
}

/** Little-endian fields of two or four bytes, each given as [bytes, value]. */
function fields(...pairs: readonly (readonly [bytes: 2 | 4, value: number])[]): Uint8Array {
  const bytes = new Uint8Array(pairs.reduce((length, [size]) => length + size, 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const [size, value] of pairs) {
    if (size === 2) view.setUint16(at, value, true)
    else view.setUint32(at, value, true)
    at += size
  }
  return bytes
}

/**
 * An archive of the entries, stored or deflated; the same entries give the same bytes.
 *
 * @throws FormatError from 4 GiB or 65535 entries on, which would need zip64.
 */
export async function writeZip(
  entries: Iterable<readonly [name: string, content: Uint8Array]>,
  compress: boolean,
): Promise<Uint8Array> {
  const body: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let offset = 0
  for (const [name, content] of entries) {
    const packed = compress ? await deflate(content) : content
    const rawName = new TextEncoder().encode(name)
    if (rawName.length > 0xffff || content.length >= WIDE)
      return fail(`the entry ${show(name)} is too large for an archive; write safetensors instead`)
    // What entry and directory have in common: version 2.0, names in UTF-8, the method, the earliest
    // date that there is (1980-01-01), checksum and lengths.
    const common = concat([
      fields([2, 20], [2, 0x800], [2, compress ? DEFLATED : STORED], [2, 0], [2, 0x21]),
      fields([4, crc32(content)], [4, packed.length], [4, content.length], [2, rawName.length]),
    ])
    const header = concat([fields([4, 0x04034b50]), common, fields([2, 0]), rawName])
    body.push(header, packed)
    directory.push(
      concat([fields([4, 0x02014b50], [2, 20]), common]),
      fields([2, 0], [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]),
      rawName,
    )
    offset += header.length + packed.length
  }
  const count = directory.length / 3
  const size = directory.reduce((length, part) => length + part.length, 0)
  if (offset + size >= WIDE || count >= 0xffff)
    return fail('the archive would reach 4 GiB or 65535 entries; write safetensors instead')
  const end = fields(
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, count],
    [2, count],
    [4, size],
    [4, offset],
    [2, 0],
  )
  return concat([...body, ...directory, end])
}
