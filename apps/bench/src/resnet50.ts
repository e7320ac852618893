/** The shapes of ResNet-50's parameters, from the rule of its architecture. */

type Shapes = (readonly number[])[]

/** A convolution without a bias and its batch norm. */
const normed = (inputs: number, outputs: number, kernel: number): Shapes => [
  [kernel, kernel, inputs, outputs],
  [outputs],
  [outputs],
]

/** Stages of `depth` bottlenecks: 1x1 to `width`, 3x3, and 1x1 to four times the width. */
const stages = [
  { depth: 3, width: 64 },
  { depth: 4, width: 128 },
  { depth: 6, width: 256 },
  { depth: 3, width: 512 },
]

const expansion = 4

/** 161 tensors with 25 557 032 values. */
export function resnet50Shapes(classes = 1000): Shapes {
  const shapes = normed(3, 64, 7)
  let inputs = 64
  for (const { depth, width } of stages)
    for (let i = 0; i < depth; i++) {
      const outputs = expansion * width
      shapes.push(
        ...normed(inputs, width, 1),
        ...normed(width, width, 3),
        ...normed(width, outputs, 1),
      )
      if (i === 0) shapes.push(...normed(inputs, outputs, 1))
      inputs = outputs
    }
  return [...shapes, [inputs, classes], [classes]]
}
