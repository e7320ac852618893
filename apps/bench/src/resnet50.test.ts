/** The network of the benchmarks is PyTorch's: loss and gradients with the same weights, in double precision. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crossEntropy } from '@nablajs/nn'
import { manualSeed, rand, randint, reference, setDefaultDType, setDevice } from '@nablajs/tensor'
import { expect, test } from 'vitest'
import { build } from './network-ours.ts'
import { openTorch } from './peers/torch.ts'
import { resnet50 } from './resnet50.ts'

const opened = await openTorch()
const missing = typeof opened === 'string' ? ` (${opened})` : ''

test.skipIf(typeof opened === 'string')(
  `the loss and all gradients of ResNet-50 are PyTorch's${missing}`,
  async () => {
    if (typeof opened === 'string') return
    const folder = mkdtempSync(join(tmpdir(), 'nabla-bench-'))
    setDevice(reference())
    setDefaultDType('f64')
    try {
      manualSeed(1)
      const [network, batch] = [resnet50(32), 4]
      const model = build(network)
      const parameters = model.parameters()
      const image = rand([batch, ...network.input])
      const label = randint([batch], 0, 1000)
      const values: Float64Array[] = []
      for (const one of [...parameters, image, label])
        values.push(Float64Array.from(await one.data()))
      const file = join(folder, 'values')
      writeFileSync(file, Buffer.concat(values.map((each) => new Uint8Array(each.buffer))))
      await opened.torch.ask('gradients', { network, batch, file })
      const bytes = readFileSync(file)
      const theirs = new Float64Array(new Uint8Array(bytes).buffer)

      const loss = crossEntropy(model.forward(image), label)
      loss.backward()
      expect(await loss.item()).toBeCloseTo(theirs[0]!, 9)
      let at = 1
      for (const [i, { grad }] of parameters.entries()) {
        const own = await grad!.data()
        let [off, norm] = [0, 0]
        for (const value of own) {
          const wanted = theirs[at++]!
          off += (value - wanted) ** 2
          norm += wanted ** 2
        }
        expect(Math.sqrt(off / norm), `gradient ${i}`).toBeLessThan(1e-7)
      }
      expect(at).toBe(theirs.length)
    } finally {
      opened.torch.close()
      rmSync(folder, { recursive: true })
    }
  },
  900_000,
)
