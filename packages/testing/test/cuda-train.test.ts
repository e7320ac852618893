/** A network trains on CUDA as it does on the CPU. */
import { cpu } from '@nablajs/backend-cpu'
import { cuda } from '@nablajs/backend-cuda-node'
import { DataLoader, digits } from '@nablajs/data'
import {
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
import { type Backend, manualSeed, setDevice } from '@nablajs/tensor'
import { expect, test } from 'vitest'
import { because, emulated } from './emulated.ts'

const { missing } = emulated()

/** The losses of some steps of a small LeNet with dropout, on handwritten digits. */
async function lossesOn(device: Backend, steps: number): Promise<number[]> {
  setDevice(device)
  manualSeed(1)
  const model = new Sequential(
    new Conv2d(1, 6, 3, { padding: 1 }),
    new ReLU(),
    new MaxPool2d(2),
    new Conv2d(6, 16, 3),
    new ReLU(),
    new Dropout(0.2),
    new Flatten(),
    new Linear(64, 10),
  )
  const optimizer = new AdamW(model.parameters(), { lr: 4e-3 })
  const loader = new DataLoader(digits('train'), { batchSize: 16, shuffle: true, seed: 1 })
  const losses: number[] = []
  for await (const { image, label } of loader) {
    const loss = optimizer.step(() => crossEntropy(model.forward(image), label))
    losses.push(await loss.item())
    if (losses.length === steps) break
  }
  return losses
}

test.skipIf(missing !== undefined)(
  `a LeNet has the same losses${because(missing)}`,
  async () => {
    const wanted = await lossesOn(await cpu(), 12)
    const device = await cuda()
    const losses = await lossesOn(device, 12)
    device.dispose()
    expect(losses).toHaveLength(12)
    losses.forEach((loss, step) => {
      // Roundings add up from step to step.
      expect(Math.abs(loss - wanted[step]!)).toBeLessThan(1e-5 * (step + 1))
    })
    expect(losses.at(-1)).toBeLessThan(losses[0]!)
  },
  600_000,
)
