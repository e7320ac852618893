import { DataLoader, type ImageDataset } from '@nablajs/data'
import type { Sequential } from '@nablajs/nn'
import { noGrad, scope } from '@nablajs/tensor'
import { breathe } from './breathe.ts'
import { CLASSES } from './model.ts'

export interface Mistake {
  /** The number of the image in the test set. */
  readonly index: number
  readonly label: number
  readonly predicted: number
}

export interface Evaluation {
  readonly correct: number
  readonly total: number
  readonly accuracy: number
  /** How often label `row` was read as `column`. */
  readonly confusion: readonly (readonly number[])[]
  readonly mistakes: readonly Mistake[]
}

/** Lets a model read all images of a set. */
export async function evaluate(model: Sequential, data: ImageDataset): Promise<Evaluation> {
  const confusion = Array.from({ length: CLASSES }, () => new Array<number>(CLASSES).fill(0))
  const mistakes: Mistake[] = []
  let index = 0
  model.eval()
  for await (const { image, label } of new DataLoader(data, { batchSize: 256 })) {
    const read = scope(() => noGrad(() => model.forward(image).argmax(-1)))
    const [predictions, labels] = [await read.data(), await label.data()]
    read.dispose()
    labels.forEach((expected, i) => {
      const predicted = predictions[i]!
      confusion[expected]![predicted]!++
      if (predicted !== expected) mistakes.push({ index, label: expected, predicted })
      index++
    })
    await breathe()
  }
  model.train()
  const correct = index - mistakes.length
  return { correct, total: index, accuracy: correct / index, confusion, mistakes }
}
