import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { cifar10Classes, parseCifar10 } from './cifar10.ts'

const record = (label: number): Uint8Array =>
  Uint8Array.from({ length: 3073 }, (_, i) => (i === 0 ? label : 10 * Math.floor((i - 1) / 1024)))

test('planes become channels, files are joined', () => {
  const data = parseCifar10([record(3), record(9)])
  expect(data.length).toBe(2)
  expect(data.columns.label.data).toEqual(Uint8Array.of(3, 9))
  expect(Array.from(data.columns.image.data).slice(0, 6)).toEqual([0, 10, 20, 0, 10, 20])
  expect(cifar10Classes[data.get(0).label.data[0]!]).toBe('cat')
})

test.each([
  [new Uint8Array(0), 'CIFAR-10: a file has 0 bytes, which are no whole number of records of 3073'],
  [record(1).subarray(1), 'CIFAR-10: a file has 3072 bytes'],
  [record(10), 'CIFAR-10: image 0 has the label 10; labels are 0 .. 9'],
])('a bad file is refused: %#', (bytes, message) => {
  expect(() => parseCifar10([bytes])).toThrow(message)
})

const folder = new URL('../../../../shared/data/cifar10/', import.meta.url)

test.skipIf(!existsSync(folder))('real images are read (needs ../shared/data/cifar10)', () => {
  const file = readFileSync(new URL('test_batch_first1000.bin.gz', folder))
  const data = parseCifar10([gunzipSync(file)])
  expect(data.length).toBe(1000)
  // The first test image is a cat, its first pixel (158, 112, 49).
  expect(data.columns.label.data[0]).toBe(3)
  expect(Array.from(data.columns.image.data).slice(0, 3)).toEqual([158, 112, 49])
})
