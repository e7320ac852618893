import { FormatError } from '@nablajs/tensor'
import { ArrayDataset } from '../array-dataset.ts'
import { checkSplit, type ImageDataset, type Split } from '../digits/digits.ts'
import { type IdxArray, parseIdx } from '../idx.ts'
import { readFrom } from './file.ts'

/**
 * MNIST, or a set in the same files (Fashion-MNIST, KMNIST), from a folder: 60000 images of 28x28
 * pixels to train on and 10000 to test with. The four files keep their names, such as
 * `train-images-idx3-ubyte.gz`; they may be unzipped.
 *
 * Batches are `image`, f32 `[n, 28, 28, 1]` in 0 .. 1, and `label`, i32 `[n]` in 0 .. 9.
 *
 * @throws ArgumentError for a missing folder or file; FormatError for one with wrong content.
 * @example
 * ```ts
 * import { mnist } from '@nablajs/data/node'
 * const train = new DataLoader(mnist('data/mnist', 'train'), { batchSize: 64, shuffle: true })
 * ```
 *
 * Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
 */
export function mnist(folder: string, split: Split): ImageDataset {
  const prefix = checkSplit('mnist', split) === 'train' ? 'train' : 't10k'
  const images = readBytes(folder, `${prefix}-images-idx3-ubyte`, 3)
  const labels = readBytes(folder, `${prefix}-labels-idx1-ubyte`, 1)
  const [count, height, width] = images.shape as [number, number, number]
  if (count !== labels.data.length)
    throw new FormatError(
      `mnist: ${folder} has ${count} ${split} images, but ${labels.data.length} labels; ` +
        'the files do not belong together',
    )
  if (images.data.length === 0)
    throw new FormatError(`mnist: ${folder} has no ${split} images (${images.shape.join(' x ')})`)
  const wrong = labels.data.findIndex((label) => label > 9)
  if (wrong !== -1)
    throw new FormatError(
      `mnist: ${split} image ${wrong} has the label ${labels.data[wrong]}; labels are 0 .. 9`,
    )
  return new ArrayDataset({
    image: { shape: [height, width, 1], dtype: 'f32', data: images.data, divisor: 255 },
    label: { shape: [], dtype: 'i32', data: labels.data },
  })
}

function readBytes(folder: string, name: string, rank: number): IdxArray {
  const { path, bytes } = readFrom('mnist', folder, name)
  const array = parseIdx(bytes, `mnist: ${path}`)
  if (array.shape.length !== rank || !(array.data instanceof Uint8Array))
    throw new FormatError(
      `mnist: ${path}: the array is [${array.shape.join(', ')}] of ${array.data.constructor.name}; ` +
        `bytes on ${rank} ${rank === 1 ? 'axis' : 'axes'} should be there`,
    )
  return array
}
