/** Forward passes for evaluation. */
import { lenet, type Network, resnet20 } from '../networks.ts'
import type { Suite, Work } from '../suite.ts'

const forward = (network: Network, batch: number): Work => ({
  name: `${network.name} inference, batch ${batch}`,
  note: 'the forward pass in evaluation mode',
  task: { kind: 'inference', network, batch },
  items: { count: batch, unit: 'samples' },
})

const worksFor = (batch: number): Work[] =>
  [lenet, resnet20].flatMap((network) => [forward(network, 1), forward(network, batch)])

export const inference: Suite = {
  name: 'inference',
  about: 'forward passes in evaluation mode, f32',
  works: worksFor(32),
  small: worksFor(8),
}
