import { describe, expect, test } from 'vitest'
import { fixture } from '../../test/io-fixtures.ts'
import { mutants, survive } from '../../test/io-fuzz.ts'
import { FormatError } from '../errors.ts'
import { reference } from '../reference/reference.ts'
import { fileDTypes, fromHost, type HostTensor } from './host.ts'
import { decodeNpy, encodeNpy } from './npy.ts'
import { decodeNpz, encodeNpz } from './npz.ts'
import { writeZip } from './zip.ts'

/** A file around a header, as version 1.0 unless another is given. */
function file(header: string, data: readonly number[] = [], version = 1): Uint8Array {
  const text = new TextEncoder().encode(header)
  const length = version === 1 ? [text.length & 255, text.length >> 8] : [text.length, 0, 0, 0]
  return Uint8Array.from([0x93, ...Buffer.from('NUMPY'), version, 0, ...length, ...text, ...data])
}

const header = (descr: string, shape: string, fortran = 'False'): string =>
  `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`

const device = reference()
const values = (host: HostTensor): number[] => [...fromHost(host, { device }).dataSync()]

describe('files of numpy', () => {
  test.each(['npy1', 'npy3'] as const)('%s', (name) => {
    const host = decodeNpy(fixture(name))
    expect([host.dtype, host.shape, values(host)]).toEqual(['F32', [2, 3], [0, 1, 2, 3, 4, 5]])
  })

  test('big-endian and in Fortran order', () => {
    const host = decodeNpy(fixture('fortran'))
    expect([host.dtype, host.shape]).toEqual(['F64', [2, 3, 4]])
    expect(values(host)).toEqual(Array.from({ length: 24 }, (_, i) => i))
  })

  test('what is written is what numpy writes', () => {
    expect(encodeNpy(decodeNpy(fixture('npy1')))).toEqual(fixture('npy1'))
  })

  test('npz, stored and deflated', async () => {
    const plain = await decodeNpz(fixture('npz'))
    expect(values(plain['x']!)).toEqual([0, 1, 2, 3, 4, 5])
    expect([plain['y']!.dtype, values(plain['y']!)]).toEqual(['I64', [0, 1, 2]])
    const deflated = await decodeNpz(fixture('npzDeflated'))
    expect([deflated['x']!.dtype, deflated['x']!.shape]).toEqual(['F64', [100, 100]])
    expect(deflated['x']!.data.every((byte) => byte === 0)).toBe(true)
  })
})

describe('elements', () => {
  const cases: readonly (readonly [descr: string, bytes: number[], value: number])[] = [
    ['|b1', [1], 1],
    ['|i1', [0xfe], -2],
    ['|u1', [0xfe], 254],
    ['<i1', [0xfe], -2],
    ['<i2', [0xfe, 0xff], -2],
    ['>i2', [0xff, 0xfe], -2],
    ['<u2', [0xfe, 0xff], 65534],
    ['>i4', [0xff, 0xff, 0xff, 0xfe], -2],
    ['<u4', [0, 0, 0, 0x80], 2 ** 31],
    ['>i8', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe], -2],
    ['<u8', [7, 0, 0, 0, 0, 0, 0, 0], 7],
    ['>f2', [0x3e, 0], 1.5],
    ['<f4', [0, 0, 0xc0, 0x3f], 1.5],
    ['>f8', [0x3f, 0xf8, 0, 0, 0, 0, 0, 0], 1.5],
  ]
  test.each(cases)('%s', (descr, bytes, value) => {
    expect(values(decodeNpy(file(header(descr, '(1,)'), bytes)))).toEqual([value])
  })

  test('a native array is a view', () => {
    const bytes = file(header('<f4', '()'), [1, 2, 3, 4])
    expect(decodeNpy(bytes).data.buffer).toBe(bytes.buffer)
  })

  test.each([2, 3])('version %d, other quotes and order, a long of Python 2', (version) => {
    const text = `{"shape": (2L,), 'fortran_order': True , 'descr' :"|u1"}`
    expect(values(decodeNpy(file(text, [3, 4], version)))).toEqual([3, 4])
  })
})

describe('what is refused', () => {
  const cases: readonly (readonly [what: string, bytes: Uint8Array, message: string])[] = [
    ['nothing', new Uint8Array(), 'does not begin as npy files do'],
    ['a version', file(header('|u1', '()'), [1], 4), 'version 4.0 is unknown'],
    ['a cut header', file(header('|u1', '()')).subarray(0, 30), 'the header is truncated'],
    [
      'a huge header',
      Uint8Array.from([0x93, ...Buffer.from('NUMPY'), 2, 0, 255, 255, 255, 255]),
      'claims 4294967295 bytes',
    ],
    ['too little data', file(header('<f4', '(2,)'), [1]), 'F32 [2] takes 8 bytes; the file has 1'],
    ['too much data', file(header('|u1', '(1,)'), [1, 2]), 'U8 [1] takes 1 bytes; the file has 2'],
    [
      'sizes that overflow',
      file(header('<f8', '(9007199254740991, 9007199254740991)'), [1]),
      'takes 6.490371',
    ],
    ['objects', file(header('|O', '(1,)'), [1]), 'arrays of Python objects are not supported'],
    [
      'complex numbers',
      file(header('<c8', '(1,)'), [1]),
      'elements of type "<c8" are not supported',
    ],
    ['an unknown order', file(header('=f4', '(1,)'), [1]), 'elements of type "=f4"'],
    ['an inherited type', file(header('<constructor', '(1,)'), [1]), 'elements of type'],
    [
      'structures',
      file(`{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}`),
      'structured arrays are not supported',
    ],
    [
      'code',
      file(`{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,)}`),
      'the header is not the dict of an array',
    ],
    ['a number for the shape', file(header('|u1', '(3)'), [1, 2, 3]), 'is not the dict'],
    ['a negative size', file(header('|u1', '(-1,)'), [1]), 'is not the dict'],
    ['too many axes', file(header('|u1', `(${'1,'.repeat(65)})`), [1]), 'is not the dict'],
    [
      'a key twice',
      file(`{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': ()}`, [1]),
      'is not the dict',
    ],
    ['a missing key', file(`{'descr': '|u1', 'shape': ()}`, [1]), 'is not the dict'],
    [
      'another key',
      file(`{'descr': '|u1', 'x': '', 'fortran_order': False, 'shape': ()}`, [1]),
      'is not the dict',
    ],
    ['something behind', file(`${header('|u1', '()')}x`, [1]), 'is not the dict'],
    ['no text', file(header('\ud800', '()')).fill(0xff, 12, 20), 'the header is not text'],
  ]
  test.each(cases)('%s', (_, bytes, message) => {
    expect(() => decodeNpy(bytes)).toThrow(FormatError)
    expect(() => decodeNpy(bytes)).toThrow(message)
  })

  test('in archives: other files, and where an array is bad', async () => {
    const other = await writeZip([['notes.txt', new Uint8Array()]], false)
    await expect(decodeNpz(other)).rejects.toThrow('npz: "notes.txt" is not an array (.npy)')
    const bad = await writeZip([['a.npy', new Uint8Array()]], false)
    await expect(decodeNpz(bad)).rejects.toThrow('npz: "a.npy": npy: the file does not begin')
  })

  test('when writing', async () => {
    const data = new Uint8Array(2)
    expect(() => encodeNpy({ dtype: 'BF16', shape: [1], data })).toThrow('numpy has no BF16')
    expect(() => encodeNpy({ dtype: 'F32', shape: [1], data })).toThrow('2 bytes are not F32 [1]')
    await expect(encodeNpz({ b: { dtype: 'BF16', shape: [1], data } })).rejects.toThrow('npz: "b"')
  })
})

test.each([false, true])('round trip of all types, compressed: %s', async (compress) => {
  const arrays: Record<string, HostTensor> = {
    ['__proto__']: { dtype: 'U8', shape: [], data: Uint8Array.of(1) },
  }
  for (const dtype of Object.keys(fileDTypes) as (keyof typeof fileDTypes)[]) {
    if (dtype === 'BF16') continue
    const data = new Uint8Array(6 * fileDTypes[dtype]).map((_, i) =>
      dtype === 'BOOL' ? i & 1 : 37 * i,
    )
    arrays[dtype] = { dtype, shape: [2, 3], data }
  }
  const read = await decodeNpz(await encodeNpz(arrays, { compress }))
  expect(read).toEqual(arrays)
  expect(Object.keys(read)).toEqual(Object.keys(arrays))
})

test('mutated files give a FormatError or an array that fits', async () => {
  await survive(mutants(fixture('fortran'), 20_000), decodeNpy, ({ dtype, shape, data }) =>
    expect(data.length).toBe(shape.reduce((n, extent) => n * extent, fileDTypes[dtype])),
  )
  const good = await encodeNpz({ x: { dtype: 'I16', shape: [3], data: new Uint8Array(6) } })
  await survive(
    mutants(good, 10_000),
    (bytes) => decodeNpz(bytes, { checksums: false }),
    (arrays) => expect(Object.keys(arrays).length).toBeLessThan(2),
  )
})
