import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { reference, setDevice } from '@nablajs/tensor'
import { expect, test } from 'vitest'
import { digits } from './digits.ts'

const [train, test_] = [digits('train'), digits('test')]
const pixels = [train, test_].flatMap(({ columns }) => Array.from(columns.image.data))
const labels = [train, test_].flatMap(({ columns }) => Array.from(columns.label.data))

test('the digits are all there', () => {
  expect([train.length, test_.length]).toEqual([1500, 297])
  const count = (digit: number): number => labels.filter((label) => label === digit).length
  expect(Array.from({ length: 10 }, (_, digit) => count(digit))).toEqual([
    178, 182, 177, 183, 181, 182, 181, 179, 174, 180,
  ])
  expect(createHash('sha256').update(Uint8Array.from(pixels)).digest('hex')).toMatch(
    /^8f26b2bd9d135c25/,
  )
})

const csv = new URL('../../../../../shared/data/sklearn/digits.csv.gz', import.meta.url)

test.skipIf(!existsSync(csv))('they are those of the csv (needs ../shared/data/sklearn)', () => {
  const rows = gunzipSync(readFileSync(csv)).toString().trim().split('\n')
  const all = rows.map((row) => row.split(',').map(Number))
  expect(pixels).toEqual(all.flatMap((row) => row.slice(0, 64)))
  expect(labels).toEqual(all.map((row) => row[64]))
})

test('a batch is images in 0 .. 1 with channels last, and whole labels', () => {
  setDevice(reference())
  const { image, label } = train.batch([0, 1])
  expect([image.dtype, image.shape, label.dtype, label.shape]).toEqual([
    'f32',
    [2, 8, 8, 1],
    'i32',
    [2],
  ])
  expect([...image.dataSync()].slice(0, 8)).toEqual([0, 0, 5, 13, 9, 1, 0, 0].map((v) => v / 16))
  expect([...label.dataSync()]).toEqual([0, 1])
})

test('another split is refused', () => {
  expect(() => digits('dev' as 'test')).toThrow(
    `digits: the split is "dev"; it is 'train' or 'test'`,
  )
})
