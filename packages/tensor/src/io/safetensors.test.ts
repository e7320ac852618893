import { beforeAll, describe, expect, test } from 'vitest'
import { FormatError, reference, setDevice, tensor } from '../index.ts'
import { fileDTypes, fromHost, type HostTensor, toHost } from './host.ts'
import { decodeSafetensors, encodeSafetensors, loadTensors, saveTensors } from './safetensors.ts'

beforeAll(() => setDevice(reference()))

/** A file from header text and data, with the true header length unless another is claimed. */
function file(header: string, data: Uint8Array = new Uint8Array(), claimed?: bigint): Uint8Array {
  const text = new TextEncoder().encode(header)
  const bytes = new Uint8Array(8 + text.length + data.length)
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(text.length), true)
  bytes.set(text, 8)
  bytes.set(data, 8 + text.length)
  return bytes
}

const entry = (shape: string, start: number, end: number, dtype = 'F32'): string =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${start},${end}]}`

describe('round trip', () => {
  test('of all device dtypes, with metadata', async () => {
    const original = {
      'layer.weight': tensor([
        [1.5, -2],
        [Number.NaN, Number.NEGATIVE_INFINITY],
      ]),
      double: tensor([Math.PI], { dtype: 'f64' }),
      count: tensor([-7, 2 ** 31 - 1], { dtype: 'i32' }),
      big: tensor([2 ** 32 - 1], { dtype: 'u32' }),
      mask: tensor([1, 0, 1], { dtype: 'bool' }),
      number: tensor(5),
      none: tensor([], { shape: [0, 3] }),
      ['__proto__']: tensor([1]),
    }
    const { tensors, metadata } = loadTensors(await saveTensors(original, { epoch: '3' }))
    expect(metadata).toEqual({ epoch: '3' })
    for (const [name, t] of Object.entries(original)) {
      expect(tensors[name]!.dtype).toBe(t.dtype)
      expect(tensors[name]!.shape).toEqual(t.shape)
      expect([...tensors[name]!.dataSync()]).toEqual([...t.dataSync()])
    }
  })

  test('data is aligned and equal entries give equal bytes', () => {
    const one: HostTensor = { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) }
    const two: HostTensor = { dtype: 'F64', shape: [1], data: new Uint8Array(8) }
    const bytes = encodeSafetensors({ one, two })
    expect(bytes).toEqual(encodeSafetensors({ two, one }))
    expect(new DataView(bytes.buffer).getBigUint64(0, true) % 8n).toBe(0n)
    expect([...decodeSafetensors(bytes).tensors.keys()]).toEqual(['two', 'one'])
  })

  test('a view inside of a larger buffer', () => {
    const bytes = encodeSafetensors({ x: { dtype: 'U8', shape: [2], data: Uint8Array.of(7, 8) } })
    const larger = new Uint8Array(bytes.length + 5)
    larger.set(bytes, 5)
    expect([...decodeSafetensors(larger.subarray(5)).tensors.get('x')!.data]).toEqual([7, 8])
  })
})

describe('file dtypes on a device', () => {
  const cases: readonly (readonly [HostTensor['dtype'], number[], number[]])[] = [
    [
      'F16',
      [0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0x00, 0x7c],
      [1, -2, 2 ** -24, Number.POSITIVE_INFINITY],
    ],
    ['BF16', [0x80, 0x3f, 0x49, 0x40], [1, 3.140625]],
    ['I8', [0xff, 0x7f], [-1, 127]],
    ['U16', [0xff, 0xff], [65535]],
    ['I16', [0xff, 0xff], [-1]],
    ['I64', [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [-2]],
    ['BOOL', [0, 1], [0, 1]],
  ]
  test.each(cases)('%s', (dtype, bytes, values) => {
    const host: HostTensor = { dtype, shape: [values.length], data: Uint8Array.from(bytes) }
    expect([...fromHost(host).dataSync()]).toEqual(values)
  })

  test.each([
    ['I64', 2n ** 31n, 'the integer 2147483648 does not fit 32 bits (-2147483648 .. 2147483647)'],
    ['I64', -(2n ** 31n) - 1n, 'does not fit 32 bits'],
    ['U64', 2n ** 32n, 'the integer 4294967296 does not fit 32 bits (0 .. 4294967295)'],
  ] as const)('%s %d is refused', (dtype, value, message) => {
    const data = new Uint8Array(BigInt64Array.of(value).buffer)
    expect(() => fromHost({ dtype, shape: [1], data })).toThrow(FormatError)
    expect(() => fromHost({ dtype, shape: [1], data })).toThrow(message)
  })

  test('bits are kept where nothing is to convert', async () => {
    const signalling = Uint8Array.of(0xff, 1, 0, 0xa0, 0x7f).subarray(1)
    const t = fromHost({ dtype: 'F32', shape: [1], data: signalling })
    expect((await toHost(t)).data).toEqual(Uint8Array.of(1, 0, 0xa0, 0x7f))
  })
})

describe('what is not a file', () => {
  const four = new Uint8Array(4)
  const cases: readonly (readonly [what: string, bytes: Uint8Array, message: string])[] = [
    ['nothing', new Uint8Array(), '0 bytes are too few for a file'],
    [
      'a header of 2^63 bytes',
      file('{}', four, 2n ** 63n),
      'claims 9223372036854775808 bytes; at most',
    ],
    ['a truncated header', file('{}', undefined, 50n), 'claims 50 bytes, but only 2 follow'],
    ['no JSON', file('{"a"'), 'the header is not JSON'],
    ['broken UTF-8', file('{"a\udfff": 1}').fill(0xff, 9, 12), 'the header is not JSON'],
    ['a list', file('[]'), 'the header is not a JSON object'],
    ['an unknown dtype', file(`{"a":${entry('[1]', 0, 4, 'F7')}}`, four), '"a" has the dtype "F7"'],
    [
      'an inherited dtype',
      file(`{"a":${entry('[1]', 0, 4, 'toString')}}`, four),
      '"a" has the dtype',
    ],
    ['null for an entry', file('{"a":null}'), '"a" has the dtype undefined'],
    ['a negative size', file(`{"a":${entry('[-1]', 0, 4)}}`, four), '"a" has the shape [-1]'],
    ['a shape of text', file(`{"a":${entry('"1"', 0, 4)}}`, four), '"a" has the shape "1"'],
    [
      'sizes that overflow',
      file(`{"a":${entry('[4294967296,4294967296]', 0, 4)}}`, four),
      'which takes 73786976294838206464 bytes',
    ],
    [
      'too few bytes',
      file(`{"a":${entry('[2]', 0, 4)}}`, four),
      '"a" is F32 [2], which takes 8 bytes; its range has 4',
    ],
    [
      'a range outside',
      file(`{"a":${entry('[2]', 0, 8)}}`, four),
      '"a" lies at bytes 0 .. 8, outside of the file\'s 4',
    ],
    ['a range backwards', file(`{"a":${entry('[1]', 4, 0)}}`, four), '"a" lies at bytes 4 .. 0'],
    [
      'overlapping ranges',
      file(`{"a":${entry('[1]', 0, 4)},"b":${entry('[1]', 0, 4)}}`, four),
      '"b" starts at byte 0 of the data, but',
    ],
    [
      'a gap',
      file(`{"a":${entry('[1]', 4, 8)}}`, new Uint8Array(8)),
      '"a" starts at byte 4 of the data, but',
    ],
    [
      'data nobody describes',
      file('{}', four),
      'the file has 4 bytes of data, its header describes 0',
    ],
    [
      'a name that occurs twice',
      file(`{"a":${entry('[1]', 0, 4)},"a" :${entry('[1]', 0, 4)}}`, four),
      'the name "a" occurs twice',
    ],
    [
      'a shape too deep to show',
      file(`{"a":${entry('['.repeat(50_000) + ']'.repeat(50_000), 0, 4)}}`, four),
      '"a" has the shape [[[[',
    ],
    [
      'millions of sizes',
      file(`{"a":${entry(`[${'9007199254740991,'.repeat(1e5)}1]`, 0, 4)}}`, four),
      '"a" is F32 of 100001 axes, which takes Infinity bytes',
    ],
    [
      'metadata of numbers',
      file('{"__metadata__":{"a":1}}'),
      '__metadata__ is not an object of strings',
    ],
  ]
  test.each(cases)('%s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes)).toThrow(FormatError)
    expect(() => decodeSafetensors(bytes)).toThrow(message)
  })

  test('a text of megabytes', () => {
    const header = `{"__metadata__":{"a":"${'\\\\x'.repeat(4e6)}"}}`
    expect(decodeSafetensors(file(header)).metadata['a']).toHaveLength(8e6)
  })

  test('a name twice only counts in the outermost object', () => {
    const header = `{"__metadata__":{"a":"\\"a\\":"},"a":${entry('[1]', 0, 4)}}`
    expect(decodeSafetensors(file(header, four)).tensors.size).toBe(1)
  })

  test('mutated files give a FormatError or a file whose tensors fit', () => {
    const good = encodeSafetensors(
      {
        w: { dtype: 'F32', shape: [2, 3], data: new Uint8Array(24) },
        i: { dtype: 'I64', shape: [2], data: new Uint8Array(16) },
        h: { dtype: 'F16', shape: [], data: new Uint8Array(2) },
      },
      { note: 'x' },
    )
    let seed = 12345
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      return (seed >>> 8) % below
    }
    let accepted = 0
    for (let round = 0; round < 50_000; round++) {
      const bytes = good.slice(0, random(8) === 0 ? random(good.length + 1) : good.length)
      for (let k = random(4); k >= 0 && bytes.length > 0; k--)
        bytes[random(bytes.length)] = random(256)
      try {
        for (const { dtype, shape, data } of decodeSafetensors(bytes).tensors.values())
          expect(data.length).toBe(shape.reduce((n, extent) => n * extent, fileDTypes[dtype]))
        accepted++
      } catch (error) {
        if (!(error instanceof FormatError)) throw error
      }
    }
    expect(accepted).toBeGreaterThan(0)
  })
})
