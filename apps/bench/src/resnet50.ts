/** ResNet-50 as data: its layers, and the shapes of its parameters. */
import { type Layer, linear, type Network, normed, relu } from './networks.ts'

const expansion = 4

/** 1x1 to `width`, 3x3, and 1x1 to four times the width; the 3x3 has the stride. */
const bottleneck = (inputs: number, width: number, stride: number): Layer => ({
  type: 'residual',
  body: [
    ...normed(inputs, width, 1, 1),
    relu,
    ...normed(width, width, 3, stride),
    relu,
    ...normed(width, expansion * width, 1, 1),
  ],
  shortcut: inputs === expansion * width ? [] : normed(inputs, expansion * width, 1, stride),
})

const stages = [
  { depth: 3, width: 64 },
  { depth: 4, width: 128 },
  { depth: 6, width: 256 },
  { depth: 3, width: 512 },
]

/** For square images of that size: 25 557 032 weights, whatever it is. */
export const resnet50 = (size: number): Network => ({
  name: 'ResNet-50',
  input: [size, size, 3],
  layers: [
    ...normed(3, 64, 7, 2),
    relu,
    { type: 'maxPool', size: 3, stride: 2, padding: 1 },
    ...stages.flatMap(({ depth, width }, stage) =>
      Array.from({ length: depth }, (_, i) => {
        const inputs = i > 0 ? expansion * width : stage === 0 ? 64 : (expansion * width) / 2
        return bottleneck(inputs, width, stage > 0 && i === 0 ? 2 : 1)
      }),
    ),
    { type: 'globalAvgPool' },
    linear(expansion * 512, 1000),
  ],
})

type Shapes = readonly (readonly number[])[]

function shapesOf(layer: Layer): Shapes {
  switch (layer.type) {
    case 'conv': {
      const { kernel, inputs, outputs, bias } = layer
      return [[kernel, kernel, inputs, outputs], ...(bias ? [[outputs]] : [])]
    }
    case 'batchNorm':
      return [[layer.channels], [layer.channels]]
    case 'linear':
      return [[layer.outputs, layer.inputs], [layer.outputs]]
    case 'residual':
      return [...layer.body, ...layer.shortcut].flatMap(shapesOf)
    default:
      return []
  }
}

/** The shapes of its 161 parameters. */
export const resnet50Shapes = (): Shapes => resnet50(224).layers.flatMap(shapesOf)
