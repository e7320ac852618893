import { FormatError } from '@nablajs/tensor'

/** The numbers of an idx file, in the array of their type. */
export type IdxData = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array

/** The array of an idx file. */
export interface IdxArray {
  readonly shape: readonly number[]
  readonly data: IdxData
}

interface IdxType {
  readonly bytes: number
  readonly make: (length: number) => IdxData
  readonly read: (view: DataView, at: number) => number
}

/** By the third byte of the file. Everything is big-endian. */
const types: Readonly<Record<number, IdxType>> = {
  8: { bytes: 1, make: (n) => new Uint8Array(n), read: (view, at) => view.getUint8(at) },
  9: { bytes: 1, make: (n) => new Int8Array(n), read: (view, at) => view.getInt8(at) },
  11: { bytes: 2, make: (n) => new Int16Array(n), read: (view, at) => view.getInt16(at) },
  12: { bytes: 4, make: (n) => new Int32Array(n), read: (view, at) => view.getInt32(at) },
  13: { bytes: 4, make: (n) => new Float32Array(n), read: (view, at) => view.getFloat32(at) },
  14: { bytes: 8, make: (n) => new Float64Array(n), read: (view, at) => view.getFloat64(at) },
}

/**
 * Reads the idx format, in which MNIST and its relatives come: two zero bytes, a type, the number
 * of axes, their sizes, then the values. The sizes are checked against the length of the file
 * before anything is allocated.
 *
 * @param name What errors call the file.
 * @throws FormatError when the bytes are not exactly one idx array.
 *
 * Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", section
 * "File formats".
 */
export function parseIdx(bytes: Uint8Array, name = 'idx'): IdxArray {
  const fail = (why: string): never => {
    throw new FormatError(`${name}: ${why}`)
  }
  const type = types[bytes[2] ?? 0]
  const rank = bytes[3] ?? 0
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0 || !type || rank === 0) {
    const start = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0'))
    return fail(
      `the file starts with ${start.join(' ') || 'nothing'}; an idx file starts with 00 00, ` +
        'a type (08 .. 0e) and the number of axes',
    )
  }
  const start = 4 + 4 * rank
  if (bytes.length < start) return fail(`the file ends within its header; it is truncated`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis))
  const wanted = shape.reduce((size, extent) => size * BigInt(extent), BigInt(type.bytes))
  const found = bytes.length - start
  if (wanted !== BigInt(found))
    return fail(
      `[${shape.join(', ')}] takes ${wanted} bytes, but ${found} follow the header; ` +
        (wanted > found ? 'the file is truncated' : 'the file is too long'),
    )
  if (type.bytes === 1) {
    // A copy, in a plain array: Node's files come as Buffers, whose slice() shares a larger buffer.
    const data = new Uint8Array(bytes.subarray(start))
    return { shape, data: bytes[2] === 9 ? new Int8Array(data.buffer) : data }
  }
  const data = type.make(found / type.bytes)
  for (let i = 0; i < data.length; i++) data[i] = type.read(view, start + i * type.bytes)
  return { shape, data }
}
