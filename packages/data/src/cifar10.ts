import { FormatError } from '@nablajs/tensor'
import { ArrayDataset } from './array-dataset.ts'
import type { ImageDataset } from './digits/digits.ts'

const SIDE = 32
const PLANE = SIDE * SIDE
const RECORD = 1 + 3 * PLANE

/** The classes of CIFAR-10, in the order of their labels. */
export const cifar10Classes: readonly string[] = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
]

/**
 * Reads the binary version of CIFAR-10: records of one label byte and the red, green and blue plane
 * of a 32x32 image. Give the content of several files to join them.
 *
 * Batches are `image`, f32 `[n, 32, 32, 3]` in 0 .. 1, and `label`, i32 `[n]` in 0 .. 9.
 *
 * @throws FormatError when a file is no whole number of records, or a label is not one of ten.
 *
 * Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
 */
export function parseCifar10(files: readonly Uint8Array[], name = 'CIFAR-10'): ImageDataset {
  for (const { length } of files)
    if (length === 0 || length % RECORD !== 0)
      throw new FormatError(
        `${name}: a file has ${length} bytes, which are no whole number of records of ${RECORD}; ` +
          'it is truncated, or not the binary version',
      )
  const count = files.reduce((sum, { length }) => sum + length / RECORD, 0)
  const pixels = new Uint8Array(count * 3 * PLANE)
  const labels = new Uint8Array(count)
  let record = 0
  for (const bytes of files)
    for (let start = 0; start < bytes.length; start += RECORD, record++) {
      const label = bytes[start]!
      if (label > 9)
        throw new FormatError(`${name}: image ${record} has the label ${label}; labels are 0 .. 9`)
      labels[record] = label
      const at = record * 3 * PLANE
      for (let channel = 0; channel < 3; channel++)
        for (let i = 0; i < PLANE; i++)
          pixels[at + i * 3 + channel] = bytes[start + 1 + channel * PLANE + i]!
    }
  return new ArrayDataset({
    image: { shape: [SIDE, SIDE, 3], dtype: 'f32', data: pixels, divisor: 255 },
    label: { shape: [], dtype: 'i32', data: labels },
  })
}
