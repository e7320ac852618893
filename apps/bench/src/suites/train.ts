/** Training steps: forward, backward and Adam, on random data. */
import { lenet, mlp, type Network, resnet20 } from '../networks.ts'
import type { Suite, Work } from '../suite.ts'

const step = (network: Network, batch: number): Work => ({
  name: `${network.name} training step, batch ${batch}`,
  note: 'forward, softmax cross-entropy, backward and Adam',
  task: { kind: 'training', network, batch },
  items: { count: batch, unit: 'samples' },
})

export const train: Suite = {
  name: 'train',
  about: 'training steps with Adam, f32',
  works: [step(mlp, 128), step(lenet, 64), step(resnet20, 32)],
  small: [step(mlp, 32), step(lenet, 8), step(resnet20, 4)],
}
