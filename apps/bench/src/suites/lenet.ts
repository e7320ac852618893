import { Conv2d, crossEntropy, Flatten, Linear, MaxPool2d, ReLU, Sequential } from '@nablajs/nn'
import { Adam } from '@nablajs/optim'
import { manualSeed, rand, randint, setDevice } from '@nablajs/tensor'
import type { Contender } from '../measure.ts'
import { device, version } from '../ours.ts'
import type { Work } from '../suite.ts'

const batch = 64

async function ours(): Promise<Contender> {
  const backend = await device()
  setDevice(backend)
  manualSeed(1)
  const model = new Sequential(
    new Conv2d(1, 6, 5, { padding: 2 }),
    new ReLU(),
    new MaxPool2d(2),
    new Conv2d(6, 16, 5),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(400, 120),
    new ReLU(),
    new Linear(120, 84),
    new ReLU(),
    new Linear(84, 10),
  )
  const optimizer = new Adam(model.parameters(), { lr: 1e-3 })
  const image = rand([batch, 28, 28, 1])
  const label = randint([batch], 0, 10)
  return {
    name: 'nabla cpu',
    version,
    run() {
      const loss = optimizer.step(() => crossEntropy(model.forward(image), label))
      loss.itemSync()
      loss.dispose()
    },
    dispose() {
      optimizer.dispose()
      model.dispose()
    },
  }
}

export const lenet: Work = {
  name: `LeNet-5 training step, batch ${batch}`,
  note: 'forward, backward and Adam on 28x28 images',
  async contenders(peers) {
    const list = [await ours()]
    if (peers.has('tfjs')) list.push(await (await import('../peers/tfjs.ts')).lenet(batch))
    return list
  },
}
