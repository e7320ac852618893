import type { ImageDataset } from '@nablajs/data'
import {
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  Linear,
  MaxPool2d,
  type Module,
  ReLU,
  Sequential,
} from '@nablajs/nn'
import type { DataName } from './options.ts'

export const CLASSES = 10

/**
 * Three convolutions, each with batch norm, and one linear layer. Images of 8x8 are halved after the
 * second and the third; larger ones after the first as well, which then has fewer channels.
 */
export function buildModel(name: DataName, { columns }: ImageDataset): Sequential {
  const [height, width] = columns.image.shape as [number, number]
  const small = name === 'digits'
  const half = (size: number): number => Math.floor(size / 2)
  const end = (size: number): number => half(half(small ? size : half(size)))
  const first = small ? 32 : 8
  return new Sequential(
    ...conv(1, first),
    ...(small ? [] : [new MaxPool2d(2)]),
    ...conv(first, 32),
    new MaxPool2d(2),
    ...conv(32, 64),
    new MaxPool2d(2),
    new Flatten(),
    new Dropout(small ? 0.4 : 0.1),
    new Linear(end(height) * end(width) * 64, CLASSES),
  )
}

function conv(inputs: number, outputs: number): Module[] {
  return [
    // Batch norm adds a number to each channel itself.
    new Conv2d(inputs, outputs, 3, { padding: 1, bias: false }),
    new BatchNorm2d(outputs),
    new ReLU(),
  ]
}
