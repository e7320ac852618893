/** Convolutions of ResNets, on one image. */
import { conv2d, rand, randn, scope, setDevice } from '@nablajs/tensor'
import type { Contender } from '../measure.ts'
import { device, version } from '../ours.ts'
import type { Work } from '../suite.ts'

export interface Convolution {
  /** Height and width of the image. */
  readonly size: number
  readonly inputs: number
  readonly outputs: number
  /** Height and width of the kernel. */
  readonly kernel: number
  readonly stride: number
}

/** ResNet-20, for images of 32x32. */
const small: readonly Convolution[] = [
  { size: 32, inputs: 16, outputs: 16, kernel: 3, stride: 1 },
  { size: 8, inputs: 64, outputs: 64, kernel: 3, stride: 1 },
]

/** ResNet-50, for images of 224x224. */
const large: readonly Convolution[] = [
  { size: 56, inputs: 64, outputs: 64, kernel: 3, stride: 1 },
  { size: 28, inputs: 128, outputs: 256, kernel: 3, stride: 2 },
  { size: 14, inputs: 256, outputs: 256, kernel: 3, stride: 1 },
  { size: 14, inputs: 1024, outputs: 256, kernel: 1, stride: 1 },
]

async function ours(work: Convolution, backward: boolean): Promise<Contender> {
  const { size, inputs, outputs, kernel, stride } = work
  setDevice(await device())
  const x = rand([1, size, size, inputs])
  const weight = randn([kernel, kernel, inputs, outputs])
  const options = { stride, padding: (kernel - 1) / 2 }
  const dy = rand([1, size / stride, size / stride, outputs])
  x.requiresGrad = backward
  weight.requiresGrad = backward
  return {
    name: 'nabla cpu',
    version,
    run() {
      const y = scope(() => conv2d(x, weight, undefined, options))
      if (backward) y.backward(dy)
      y.dispose()
      for (const leaf of [x, weight]) {
        leaf.grad?.dispose()
        leaf.grad = undefined
      }
    },
    dispose() {
      for (const t of [x, weight, dy]) t.dispose()
    },
  }
}

function convolution(work: Convolution, backward: boolean): Work {
  const { size, inputs, outputs, kernel, stride } = work
  const pass = backward ? 'forward and backward' : 'forward'
  return {
    name: `conv2d ${size}x${size}, ${inputs} to ${outputs}, ${kernel}x${kernel}/${stride}, ${pass}`,
    note: backward ? 'both gradients' : 'one image, f32, one thread',
    async contenders(peers) {
      const list = [await ours(work, backward)]
      // It takes ten seconds for each of the large gradients.
      if (peers.has('tfjs') && !(backward && large.includes(work)))
        list.push(await (await import('../peers/tfjs.ts')).convolution(work, backward))
      return list
    },
  }
}

export const conv2dWorks: readonly Work[] = [...small, ...large].flatMap((work) => [
  convolution(work, false),
  convolution(work, true),
])
