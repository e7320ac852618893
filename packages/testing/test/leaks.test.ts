/** A whole training leaves no buffer behind, and none pile up while it runs. */
import { cpu } from '@nablajs/backend-cpu'
import { DataLoader, digits } from '@nablajs/data'
import {
  BatchNorm2d,
  Conv2d,
  crossEntropy,
  Dropout,
  Flatten,
  Linear,
  MaxPool2d,
  ReLU,
  Sequential,
} from '@nablajs/nn'
import { AdamW } from '@nablajs/optim'
import { reference, setDevice } from '@nablajs/tensor'
import { expect, test } from 'vitest'

const devices = [
  ['cpu', cpu],
  ['reference', async () => reference()],
] as const

test.each(devices)('training on %s', async (_, make) => {
  const device = await make()
  setDevice(device)
  const model = new Sequential(
    new Conv2d(1, 4, 3, { padding: 1 }),
    new BatchNorm2d(4),
    new ReLU(),
    new MaxPool2d(2),
    new Dropout(0.2),
    new Flatten(),
    new Linear(64, 10),
  )
  const optimizer = new AdamW(model.parameters(), { lr: 1e-3 })
  const loader = new DataLoader(digits('train'), { batchSize: 8, shuffle: true, seed: 1 })
  const counts: number[] = []
  for await (const { image, label } of loader) {
    optimizer.step(() => crossEntropy(model.forward(image), label)).dispose()
    counts.push(device.memory().buffers)
    if (counts.length === 6) break
  }
  expect(new Set(counts).size).toBe(1)
  optimizer.zeroGrad()
  optimizer.dispose()
  model.dispose()
  expect(device.memory().buffers).toBe(0)
  device.dispose()
})
