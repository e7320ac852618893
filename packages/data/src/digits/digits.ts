import { ArgumentError } from '@nablajs/tensor'
import { ArrayDataset } from '../array-dataset.ts'
import { packed } from './asset.ts'
import { unpack, VALUES_PER_DIGIT } from './codec.ts'

/** Which part of a dataset: the one to fit or the one to judge by. */
export type Split = 'train' | 'test'

/** Images and their classes, as all image classification sets here give them. */
export type ImageDataset = ArrayDataset<'image' | 'label'>

/** @internal */
export function checkSplit(name: string, split: Split): Split {
  if (split !== 'train' && split !== 'test')
    throw new ArgumentError(
      `${name}: the split is ${JSON.stringify(split)}; it is 'train' or 'test'`,
    )
  return split
}

const COUNT = 1797
const TRAIN = 1500

let cached: { readonly pixels: Uint8Array; readonly labels: Uint8Array } | undefined

function load(): NonNullable<typeof cached> {
  if (cached) return cached
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0))
  const values = unpack(bytes, COUNT * VALUES_PER_DIGIT)
  const pixels = new Uint8Array(COUNT * 64)
  const labels = new Uint8Array(COUNT)
  for (let i = 0; i < COUNT; i++) {
    const start = i * VALUES_PER_DIGIT
    pixels.set(values.subarray(start, start + 64), i * 64)
    labels[i] = values[start + 64]!
  }
  cached = { pixels, labels }
  return cached
}

/**
 * 1797 handwritten digits of 8x8 pixels, which come with the package: the first 1500 to train on,
 * the last 297 to test with.
 *
 * Batches are `image`, f32 `[n, 8, 8, 1]` in 0 .. 1 (the ink of a pixel, in sixteenths), and
 * `label`, i32 `[n]` in 0 .. 9.
 *
 * Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
 * Learning Repository, 1998, https://doi.org/10.24432/C50P49 (the test part, as scikit-learn's
 * `load_digits` gives it), CC BY 4.0.
 *
 * @example
 * ```ts
 * const loader = new DataLoader(digits('train'), { batchSize: 64, shuffle: true, seed: 1 })
 * ```
 */
export function digits(split: Split): ImageDataset {
  checkSplit('digits', split)
  const { pixels, labels } = load()
  const [start, end] = split === 'train' ? [0, TRAIN] : [TRAIN, COUNT]
  return new ArrayDataset({
    image: {
      shape: [8, 8, 1],
      dtype: 'f32',
      data: pixels.subarray(start * 64, end * 64),
      divisor: 16,
    },
    label: { shape: [], dtype: 'i32', data: labels.subarray(start, end) },
  })
}
