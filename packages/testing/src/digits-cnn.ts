/** A small CNN on the built-in digits: what devices are compared on as a whole. */
import { DataLoader, digits } from '@nablajs/data'
import {
  BatchNorm2d,
  Conv2d,
  crossEntropy,
  Flatten,
  Linear,
  MaxPool2d,
  ReLU,
  Sequential,
} from '@nablajs/nn'
import { Adam } from '@nablajs/optim'
import {
  autocast,
  type Backend,
  type HalfDType,
  manualSeed,
  noGrad,
  scope,
  setDevice,
  type Tensor,
} from '@nablajs/tensor'

/** 8x8 images to 10 classes. */
export function digitsCnn(): Sequential {
  return new Sequential(
    new Conv2d(1, 8, 3, { padding: 1 }),
    new BatchNorm2d(8),
    new ReLU(),
    new MaxPool2d(2),
    new Conv2d(8, 16, 3, { padding: 1 }),
    new ReLU(),
    new Flatten(),
    new Linear(256, 10),
  )
}

export interface DigitsRun {
  /** Of each step. */
  readonly losses: readonly number[]
  /** On the test images, from 0 to 1. */
  readonly accuracy: number
}

/** Trains for some steps of 32 images, always from the same seed, and tests; both in `precision`. */
export async function trainDigits(
  device: Backend,
  steps: number,
  precision: 'f32' | HalfDType = 'f32',
): Promise<DigitsRun> {
  const inPrecision = (body: () => Tensor): Tensor =>
    precision === 'f32' ? body() : autocast(precision, body)
  setDevice(device)
  try {
    manualSeed(1)
    const model = digitsCnn()
    const optimizer = new Adam(model.parameters(), { lr: 3e-3 })
    const loader = new DataLoader(digits('train'), { batchSize: 32, shuffle: true, seed: 1 })
    const losses: number[] = []
    while (losses.length < steps)
      for await (const { image, label } of loader) {
        const loss = optimizer.step(() =>
          inPrecision(() => crossEntropy(model.forward(image), label)),
        )
        losses.push(await loss.item())
        loss.dispose()
        if (losses.length === steps) break
      }
    model.eval()
    let [right, count] = [0, 0]
    for await (const { image, label } of new DataLoader(digits('test'), { batchSize: 128 })) {
      const hits = scope(() =>
        noGrad(() =>
          inPrecision(() => model.forward(image))
            .argmax(-1)
            .eq(label)
            .cast('i32')
            .sum(),
        ),
      )
      right += await hits.item()
      count += label.size
      hits.dispose()
    }
    return { losses, accuracy: right / count }
  } finally {
    setDevice(undefined)
  }
}
