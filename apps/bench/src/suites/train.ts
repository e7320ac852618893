/** Training steps: forward, backward and Adam, on random data. */
import { Conv2d, crossEntropy, Flatten, Linear, MaxPool2d, ReLU, Sequential } from '@nablajs/nn'
import { Adam } from '@nablajs/optim'
import { manualSeed, rand, randint, setDevice } from '@nablajs/tensor'
import type { Contender } from '../measure.ts'
import { device, version } from '../ours.ts'
import type { Work } from '../suite.ts'

const lenetModel = (): Sequential =>
  new Sequential(
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

const mlpModel = (): Sequential =>
  new Sequential(
    new Linear(784, 512),
    new ReLU(),
    new Linear(512, 512),
    new ReLU(),
    new Linear(512, 10),
  )

async function ours(makeModel: () => Sequential, input: readonly number[]): Promise<Contender> {
  setDevice(await device())
  manualSeed(1)
  const model = makeModel()
  const optimizer = new Adam(model.parameters(), { lr: 1e-3 })
  const image = rand([...input])
  const label = randint([input[0]!], 0, 10)
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
      image.dispose()
      label.dispose()
    },
  }
}

const lenet: Work = {
  name: 'LeNet-5 training step, batch 64',
  note: 'forward, backward and Adam on 28x28 images',
  async contenders(peers) {
    const list = [await ours(lenetModel, [64, 28, 28, 1])]
    if (peers.has('tfjs')) list.push(await (await import('../peers/tfjs.ts')).lenet(64))
    return list
  },
}

const mlp: Work = {
  name: 'MLP training step, batch 128',
  note: 'forward, backward and Adam of 784-512-512-10',
  async contenders(peers) {
    const list = [await ours(mlpModel, [128, 784])]
    if (peers.has('tfjs')) list.push(await (await import('../peers/tfjs.ts')).mlp(128))
    return list
  },
}

export const train: readonly Work[] = [lenet, mlp]
