import { describe, expect, test } from 'vitest'
import { mutants, survive } from '../../test/io-fuzz.ts'
import { ArgumentError, FormatError } from '../errors.ts'
import { crc32 } from './crc32.ts'
import { readZip, writeZip } from './zip.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const some = [
  ['a.txt', text('hello')],
  ['folder/ü', new Uint8Array(300).fill(7)],
  ['none', new Uint8Array()],
] as const

/** Where the fields of an archive's n-th local header, directory entry and end record begin. */
function places(bytes: Uint8Array): { local: number[]; central: number[]; end: number } {
  const view = new DataView(bytes.buffer)
  const at = (signature: number): number[] =>
    Array.from({ length: bytes.length - 3 }, (_, i) => i).filter(
      (i) => view.getUint32(i, true) === signature,
    )
  return { local: at(0x04034b50), central: at(0x02014b50), end: at(0x06054b50)[0]! }
}

async function changed(
  edit: (view: DataView, where: ReturnType<typeof places>, bytes: Uint8Array) => void,
  compress = false,
): Promise<Uint8Array> {
  const bytes = await writeZip(some, compress)
  edit(new DataView(bytes.buffer), places(bytes), bytes)
  return bytes
}

test('the checksum is that of the standard', () => {
  expect(crc32(text('123456789'))).toBe(0xcbf43926)
  expect(crc32(new Uint8Array())).toBe(0)
})

test.each([false, true])('round trip, compressed: %s', async (compress) => {
  const bytes = await writeZip(some, compress)
  expect(await writeZip(some, compress)).toEqual(bytes)
  expect([...(await readZip(bytes, {}))]).toEqual(some.map(([name, data]) => [name, data]))
})

test('stored entries are views', async () => {
  const bytes = await writeZip(some, false)
  expect((await readZip(bytes, {})).get('a.txt')!.buffer).toBe(bytes.buffer)
})

test('a comment at the end', async () => {
  const bytes = await changed((view, { end }) => view.setUint16(end + 20, 3, true))
  expect((await readZip(Uint8Array.from([...bytes, 80, 75, 5]), {})).size).toBe(3)
})

describe('zip64', () => {
  /** The archive with a zip64 end record, and wide sizes of the first entry. */
  async function wide(
    edit: (view: DataView, record: number) => void = () => {},
  ): Promise<Uint8Array> {
    const old = await writeZip(some.slice(0, 1), false)
    const { central, end } = places(old)
    const [directory] = central as [number]
    const nameEnd = directory + 46 + 5
    const bytes = new Uint8Array(old.length + 28 + 56 + 20)
    bytes.set(old.subarray(0, nameEnd))
    bytes.set(old.subarray(end), bytes.length - 22)
    const view = new DataView(bytes.buffer)
    view.setUint16(directory + 30, 28, true)
    for (const field of [20, 24, 42]) view.setUint32(directory + field, 0xffffffff, true)
    view.setUint16(nameEnd, 1, true)
    view.setUint16(nameEnd + 2, 24, true)
    view.setBigUint64(nameEnd + 4, 5n, true)
    view.setBigUint64(nameEnd + 12, 5n, true)
    view.setBigUint64(nameEnd + 20, 0n, true)
    const record = nameEnd + 28
    view.setUint32(record, 0x06064b50, true)
    view.setBigUint64(record + 32, 1n, true)
    view.setBigUint64(record + 40, BigInt(record - directory), true)
    view.setBigUint64(record + 48, BigInt(directory), true)
    view.setUint32(record + 56, 0x07064b50, true)
    view.setBigUint64(record + 64, BigInt(record), true)
    view.setUint32(bytes.length - 10, 0xffffffff, true)
    view.setUint32(bytes.length - 6, 0xffffffff, true)
    edit(view, record)
    return bytes
  }

  test('is read', async () => {
    expect([...(await readZip(await wide(), {}))]).toEqual([['a.txt', text('hello')]])
  })

  test.each([
    [
      'a lying locator',
      (v: DataView, r: number) => v.setBigUint64(r + 64, 2n ** 60n, true),
      'not where its locator says',
    ],
    [
      'a contradiction',
      (v: DataView, r: number) => v.setBigUint64(r + 32, 7n, true),
      'contradict each other',
    ],
    [
      'a huge entry',
      (v: DataView, r: number) => v.setBigUint64(r - 16, 2n ** 62n, true),
      'is truncated',
    ],
    [
      'missing sizes',
      (v: DataView, r: number) => v.setUint16(r - 26, 8, true),
      'lacks its zip64 sizes',
    ],
  ])('%s', async (_, edit, message) => {
    await expect(readZip(await wide(edit), {})).rejects.toThrow(message)
  })
})

describe('what is refused', () => {
  test.each<[string, Uint8Array | Promise<Uint8Array>, string]>([
    ['nothing', new Uint8Array(), 'there is no end record'],
    ['no archive', new Uint8Array(100), 'there is no end record'],
    ['a cut archive', changed(() => {}).then((b) => b.slice(0, -1)), 'there is no end record'],
    [
      'something before',
      changed(() => {}).then((b) => Uint8Array.from([0, ...b])),
      'does not end at its end record',
    ],
    ['several files', changed((v, { end }) => v.setUint16(end + 4, 1, true)), 'split into several'],
    [
      'a wrong count',
      changed((v, { end }) => v.setUint32(end + 8, 0x40004, true)),
      'has 3 entries, its end record says 4',
    ],
    [
      'encryption',
      changed((v, { central }) => v.setUint16(central[0]! + 8, 1, true)),
      'is encrypted',
    ],
    [
      'another method',
      changed((v, { central }) => v.setUint16(central[0]! + 10, 12, true)),
      'method 12; deflate (8) is known',
    ],
    [
      'other names',
      changed((_, { local }, b) => (b[local[0]! + 30] = 98)),
      'contradicts the directory',
    ],
    [
      'a wrong place',
      changed((v, { central }) => v.setUint32(central[0]! + 42, 3, true)),
      'is not at byte 3',
    ],
    [
      'a far place',
      changed((v, { central }) => v.setUint32(central[0]! + 42, 2 ** 31, true)),
      'is not at byte 2147483648',
    ],
    [
      'a size too large',
      changed((v, { central }) => v.setUint32(central[0]! + 20, 9999, true)),
      '"a.txt" is truncated',
    ],
    [
      'sizes that differ',
      changed((v, { central }) => v.setUint32(central[0]! + 24, 4, true)),
      'claims 4 bytes from 5',
    ],
    [
      'damage',
      changed((_, { local }, b) => (b[local[0]! + 36]! ^= 1)),
      'the checksum of the entry "a.txt" does not fit',
    ],
    [
      'damaged compression',
      changed((_, { local }, b) => b.fill(0xff, local[0]! + 35, local[0]! + 39), true),
      'compressed data of the entry "a.txt" is damaged',
    ],
    [
      'less than claimed',
      changed((v, { central }) => v.setUint32(central[1]! + 24, 301, true), true),
      'inflates to 300 bytes, it claims 301',
    ],
    [
      'more than claimed',
      changed((v, { central }) => v.setUint32(central[1]! + 24, 299, true), true),
      'inflates to more than the 299 bytes it claims',
    ],
    [
      'more than deflate can',
      changed((v, { central }) => v.setUint32(central[1]! + 24, 1e8, true), true),
      'claims 100000000 bytes from',
    ],
    ['a name twice', writeZip([some[0], some[0]], false), '"a.txt" occurs twice'],
    ['a way out', writeZip([['a/../../b', text('')]], false), 'leads out of the archive'],
    ['a root', writeZip([['/etc/passwd', text('')]], false), 'leads out of the archive'],
    ['a drive', writeZip([['C:x', text('')]], false), 'leads out of the archive'],
    [
      'a name that is no text',
      changed((_, { local, central }, b) => (b[local[0]! + 30] = b[central[0]! + 46] = 0xff)),
      'is not UTF-8',
    ],
  ])('%s', async (_, bytes, message) => {
    const read = readZip(await bytes, {})
    await expect(read).rejects.toThrow(FormatError)
    await expect(read).rejects.toThrow(message)
  })

  test('entries that overlap', async () => {
    const bytes = await writeZip(
      [
        ['aaaa', text('x')],
        ['aaab', text('y')],
      ],
      false,
    )
    const view = new DataView(bytes.buffer)
    const { local, central } = places(bytes)
    // The first entry's data reaches over the second entry.
    const length = local[1]! + 35 - (local[0]! + 34)
    view.setUint32(central[0]! + 20, length, true)
    view.setUint32(central[0]! + 24, length, true)
    await expect(readZip(bytes, {})).rejects.toThrow('the entries "aaaa" and "aaab" overlap')
  })

  test('more content than allowed, before it is inflated', async () => {
    const bomb = await writeZip([['zeros', new Uint8Array(200e6)]], true)
    expect(bomb.length).toBeLessThan(300e3)
    const refused = readZip(bomb, {})
    await expect(refused).rejects.toThrow(
      'with the entry "zeros" the content takes more than 79557568 bytes beyond the file',
    )
    await expect(refused).rejects.toThrow('raise maxExpandedBytes if you trust it')
    await expect(readZip(await writeZip(some, true), { maxExpandedBytes: 304 })).rejects.toThrow(
      '304 bytes',
    )
    expect((await readZip(await writeZip(some, true), { maxExpandedBytes: 305 })).size).toBe(3)
    await expect(readZip(bomb, { maxExpandedBytes: -1 })).rejects.toThrow(ArgumentError)
  })
})

test('a damaged entry can be read on purpose', async () => {
  const bytes = await changed((_, { local }, b) => (b[local[0]! + 35] = 72))
  expect((await readZip(bytes, { checksums: false })).get('a.txt')).toEqual(text('Hello'))
})

test.each([
  [false, 20_000],
  [true, 4_000],
])('mutated archives, compressed: %s', async (compress, count) => {
  const good = await writeZip(some, compress)
  const options = { checksums: false, maxExpandedBytes: 1e6 }
  await survive(
    mutants(good, count),
    (bytes) => readZip(bytes, options),
    (files) => expect(files.size).toBeLessThanOrEqual(4),
  )
})
