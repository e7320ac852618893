import { digits, type ImageDataset } from '@nablajs/data'
import { mnist } from '@nablajs/data/node'
import type { Generator } from '@nablajs/tensor'
import { distort } from './distort.ts'
import { onInput, UserError } from './errors.ts'
import type { Recipe } from './options.ts'

export interface Data {
  /** With the distorted copies. */
  readonly train: ImageDataset
  readonly test: ImageDataset
}

/** Reads the images of a recipe. Two calls with the same generator state give the same. */
export async function loadData(
  { data, copies }: Recipe,
  dataDir: string | undefined,
  generator: Generator,
): Promise<Data> {
  if (data === 'digits') {
    if (dataDir !== undefined)
      throw new UserError('--data-dir came, but the digits are built in; add --data mnist')
    return { train: await distort(digits('train'), copies, generator), test: digits('test') }
  }
  if (dataDir === undefined)
    throw new UserError('--data mnist needs --data-dir FOLDER, the folder with its four files')
  const [train, test] = await onInput('', () => [mnist(dataDir, 'train'), mnist(dataDir, 'test')])
  const size = ({ columns }: ImageDataset): string => columns.image.shape.join('x')
  if (size(train!) !== size(test!) || columnsTooSmall(train!))
    throw new UserError(
      `--data-dir ${dataDir}: training images are ${size(train!)}, test images ${size(test!)}; ` +
        'they must be equal, and at least 8x8',
    )
  return { train: await distort(train!, copies, generator), test: test! }
}

function columnsTooSmall({ columns }: ImageDataset): boolean {
  return columns.image.shape.slice(0, 2).some((side) => side < 8)
}
