import { parseCifar10 } from '../cifar10.ts'
import { checkSplit, type ImageDataset, type Split } from '../digits/digits.ts'
import { readFrom } from './file.ts'

/**
 * CIFAR-10 from a folder with the files of the binary version, `data_batch_1.bin` to
 * `data_batch_5.bin` (50000 images to train on) and `test_batch.bin` (10000 to test with), each of
 * them perhaps gzipped. See `parseCifar10` for the batches.
 *
 * @throws ArgumentError for a missing folder or file; FormatError for one with wrong content.
 */
export function cifar10(folder: string, split: Split): ImageDataset {
  const names =
    checkSplit('cifar10', split) === 'train'
      ? [1, 2, 3, 4, 5].map((part) => `data_batch_${part}.bin`)
      : ['test_batch.bin']
  const files = names.map((name) => readFrom('cifar10', folder, name).bytes)
  return parseCifar10(files, `cifar10: ${folder}`)
}
