import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cifar10, mnist } from './index.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nabla-data-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const [images, labels] = ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte']
const put = (name: string, bytes: Uint8Array | number[]): void =>
  writeFileSync(join(folder, name), Uint8Array.from(bytes))
const imageBytes = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255, 51, 102]
const labelBytes = [0, 0, 8, 1, 0, 0, 0, 2, 7, 3]

test('files are read gzipped and plain', () => {
  put(`${images}.gz`, gzipSync(Uint8Array.from(imageBytes)))
  put(labels, labelBytes)
  const data = mnist(folder, 'train')
  expect(data.length).toBe(2)
  expect(data.get(1).image).toEqual({
    dtype: 'f32',
    shape: [1, 2, 1],
    data: Float32Array.of(0.2, 0.4),
  })
  expect(data.get(1).label.data).toEqual(Int32Array.of(3))
})

const zipped = gzipSync(new Uint8Array(1000).map((_, i) => (i * i) % 251))

test.each<[string, () => void, string]>([
  ['no images', () => put(labels, labelBytes), `has neither ${images}.gz nor ${images}`],
  ['no labels', () => put(images, imageBytes), `has neither ${labels}.gz nor ${labels}`],
  [
    'truncated gzip',
    () => put(`${images}.gz`, zipped.subarray(0, zipped.length - 100)),
    `${images}.gz: the gzip data ends too early; the file is truncated, fetch it again`,
  ],
  [
    'no gzip',
    () => put(`${images}.gz`, imageBytes),
    `${images}.gz: the content is not valid gzip;`,
  ],
  ['empty', () => put(`${images}.gz`, []), `${images}.gz: the `],
  [
    'wrong start',
    () => put(images, [1, 2, 3, 4, 5]),
    `${images}: the file starts with 01 02 03 04;`,
  ],
  [
    'labels as images',
    () => put(images, labelBytes),
    `${images}: the array is [2] of Uint8Array; bytes on 3 axes should be there`,
  ],
  [
    'different counts',
    () => {
      put(images, imageBytes)
      put(labels, [0, 0, 8, 1, 0, 0, 0, 1, 7])
    },
    'has 2 train images, but 1 labels; the files do not belong together',
  ],
  [
    'a label out of range',
    () => {
      put(images, imageBytes)
      put(labels, [...labelBytes.slice(0, 9), 10])
    },
    'mnist: train image 1 has the label 10; labels are 0 .. 9',
  ],
  [
    'no samples',
    () => {
      put(images, [0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2])
      put(labels, [0, 0, 8, 1, 0, 0, 0, 0])
    },
    'has no train images (0 x 1 x 2)',
  ],
])('%s', (_, prepare, message) => {
  prepare()
  const read = () => mnist(folder, 'train')
  expect(read).toThrow(message)
  expect(read).toThrow(/^mnist: .*$/)
})

test('a missing folder is named', () => {
  const nowhere = join(folder, 'nowhere')
  expect(() => mnist(nowhere, 'test')).toThrow(
    `mnist: there is no folder ${nowhere}; it should hold t10k-images-idx3-ubyte.gz`,
  )
  expect(() => cifar10(folder, 'train')).toThrow(
    'has neither data_batch_1.bin.gz nor data_batch_1.bin',
  )
})

test('CIFAR-10 joins its files', () => {
  for (const part of [1, 2, 3, 4, 5]) put(`data_batch_${part}.bin`, new Uint8Array(3073).fill(part))
  expect(cifar10(folder, 'train').columns.label.data).toEqual(Uint8Array.of(1, 2, 3, 4, 5))
})

const real = fileURLToPath(new URL('../../../../../shared/data/mnist', import.meta.url))

test.skipIf(!existsSync(real))('MNIST itself (needs ../shared/data/mnist)', () => {
  const data = mnist(real, 'test')
  expect([data.length, data.columns.image.shape]).toEqual([10000, [28, 28, 1]])
  expect(Array.from(data.columns.label.data).slice(0, 5)).toEqual([7, 2, 1, 0, 4])
})
