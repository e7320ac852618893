/** Convolutions of ResNets, on one image. */
import type { Suite, Work } from '../suite.ts'
import type { Convolution, Pass } from '../tasks.ts'

/** ResNet-20 on images of 32x32, then ResNet-50 on images of 224x224. */
const shapes: readonly Convolution[] = [
  { size: 32, inputs: 16, outputs: 16, kernel: 3, stride: 1 },
  { size: 8, inputs: 64, outputs: 64, kernel: 3, stride: 1 },
  { size: 56, inputs: 64, outputs: 64, kernel: 3, stride: 1 },
  { size: 28, inputs: 128, outputs: 256, kernel: 3, stride: 2 },
  { size: 14, inputs: 256, outputs: 256, kernel: 3, stride: 1 },
  { size: 14, inputs: 1024, outputs: 256, kernel: 1, stride: 1 },
]

function convolution(shape: Convolution, pass: Pass): Work {
  const { size, inputs, outputs, kernel, stride } = shape
  const both = pass === 'both'
  // Each gradient takes as many multiplications as the forward pass.
  const passes = both ? 3 : 1
  return {
    name: `conv2d ${size}x${size}, ${inputs} to ${outputs}, ${kernel}x${kernel}/${stride}, ${both ? 'forward and backward' : 'forward'}`,
    note: both ? 'with both gradients' : 'one image',
    task: { kind: 'conv2d', ...shape, pass },
    flops: passes * 2 * (size / stride) ** 2 * kernel ** 2 * inputs * outputs,
  }
}

const worksFor = (all: readonly Convolution[]): Work[] =>
  all.flatMap((shape) => [convolution(shape, 'forward'), convolution(shape, 'both')])

export const conv2d: Suite = {
  name: 'conv2d',
  about: 'convolutions of ResNet-20 and ResNet-50 on one image, f32',
  works: worksFor(shapes),
  small: worksFor(shapes.filter(({ size }) => size <= 32)),
}
