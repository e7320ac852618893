/**
 * The safetensors format: eight bytes with the length of a JSON header (little-endian), the header
 * with dtype, shape and byte range of each tensor, then the raw data.
 * Source: the format's specification in the README of the safetensors project (Hugging Face).
 *
 * A header is somebody else's claim: lengths, ranges and counts are checked before anything is
 * allocated, and a file is read whole or not at all.
 */
import type { Tensor } from '../tensor.ts'
import { fileDTypes, fromHost, type HostTensor, type LoadOptions, toHost } from './host.ts'
import { fail, headerLength, readHeader } from './safetensors-header.ts'

/** The content of a safetensors file in host memory. */
export interface SafetensorsFile {
  /** In the order of the data. */
  readonly tensors: Map<string, HostTensor>
  readonly metadata: Record<string, string>
}

/**
 * Reads a file held in memory. The tensors are views on `bytes`, not copies.
 *
 * @throws FormatError for anything that the specification does not allow: a header that is too long,
 *   no JSON or not an object, unknown dtypes, shapes that do not fit their byte range, ranges that
 *   overlap, leave gaps or lie outside of the file, and names that occur twice.
 */
export function decodeSafetensors(bytes: Uint8Array): SafetensorsFile {
  const start = 8 + headerLength(bytes, bytes.length)
  const data = bytes.subarray(start)
  const { entries, metadata } = readHeader(bytes.subarray(8, start), data.length)
  const tensors = new Map<string, HostTensor>()
  for (const [name, { dtype, shape, start, end }] of entries)
    tensors.set(name, { dtype, shape, data: data.subarray(start, end) })
  return { tensors, metadata }
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

/**
 * Tensors as the bytes of a safetensors file, with optional string metadata. All values are those
 * of the moment of the call, whatever happens to the tensors while it waits for the device.
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
  // All reads are asked for before the first wait: nothing can run in between.
  const reads = Object.entries(tensors).map(async ([name, t]) => [name, await toHost(t)] as const)
  return encodeSafetensors(Object.fromEntries(await Promise.all(reads)), metadata)
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
