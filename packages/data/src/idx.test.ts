import { FormatError } from '@nablajs/tensor'
import { expect, test } from 'vitest'
import { type IdxData, parseIdx } from './idx.ts'

function idx(type: number, shape: readonly number[], values: readonly number[] = []): Uint8Array {
  const file = new Uint8Array(4 + 4 * shape.length + values.length)
  file.set([0, 0, type, shape.length])
  const view = new DataView(file.buffer)
  shape.forEach((extent, axis) => {
    view.setUint32(4 + 4 * axis, extent)
  })
  file.set(values, 4 + 4 * shape.length)
  return file
}

test.each<[number, number[], IdxData]>([
  [0x08, [1, 255], Uint8Array.of(1, 255)],
  [0x09, [1, 255], Int8Array.of(1, -1)],
  [0x0b, [1, 2, 255, 254], Int16Array.of(258, -2)],
  [0x0c, [0, 0, 1, 0, 255, 255, 255, 255], Int32Array.of(256, -1)],
  [0x0d, [0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0], Float32Array.of(1, -2)],
  [0x0e, [0x3f, 0xf0, ...Array(6).fill(0), 0xc0, ...Array(7).fill(0)], Float64Array.of(1, -2)],
])('type %i is read big-endian, at any address', (type, values, data) => {
  const file = idx(type, [2, 1], values)
  const shifted = new Uint8Array(file.length + 1)
  shifted.set(file, 1)
  for (const bytes of [file, shifted.subarray(1), Buffer.from(file)])
    expect(parseIdx(bytes)).toStrictEqual({ shape: [2, 1], data })
})

test('an empty axis is no error', () => {
  expect(parseIdx(idx(8, [0, 28]))).toEqual({ shape: [0, 28], data: new Uint8Array(0) })
})

const huge = 0xffffffff

test.each([
  [new Uint8Array(0), 'file: the file starts with nothing;'],
  [Uint8Array.of(0x1f, 0x8b, 8, 0, 0), 'file: the file starts with 1f 8b 08 00;'],
  [idx(0x0a, [1], [1]), 'file: the file starts with 00 00 0a 01;'],
  [idx(8, []), 'file: the file starts with 00 00 08 00;'],
  [idx(8, [1, 1]).subarray(0, 11), 'file: the file ends within its header; it is truncated'],
  [Uint8Array.of(0, 0, 8, 255), 'file: the file ends within its header; it is truncated'],
  [idx(8, [3], [1, 2]), 'file: [3] takes 3 bytes, but 2 follow the header; the file is truncated'],
  [idx(8, [1], [1, 2]), 'file: [1] takes 1 bytes, but 2 follow the header; the file is too long'],
  // 2^64 + 2^32 values: a product in doubles or in 32 bits would be another number.
  [idx(14, [huge, huge, huge, huge], [1]), /takes \d{40} bytes, but 1 follow/],
  [idx(8, [0x10000, 0x10000, 0x10000, 0x10000]), 'takes 18446744073709551616 bytes, but 0 follow'],
])('a bad file is refused: %#', (bytes, message) => {
  const parse = () => parseIdx(bytes, 'file')
  expect(parse).toThrow(FormatError)
  expect(parse).toThrow(message)
})
