/** The networks of `networks.ts` as modules. */
import {
  BatchNorm2d,
  Conv2d,
  Flatten,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
} from '@nablajs/nn'
import { add, mean, relu, type Tensor } from '@nablajs/tensor'
import type { Layer, Network } from './networks.ts'

class GlobalAvgPool extends Module {
  forward(x: Tensor): Tensor {
    return mean(x, [1, 2])
  }
}

class Residual extends Module {
  readonly body: Sequential
  readonly shortcut: Sequential | undefined

  constructor(body: Sequential, shortcut: Sequential | undefined) {
    super()
    this.body = body
    this.shortcut = shortcut
  }

  forward(x: Tensor): Tensor {
    return relu(add(this.body.forward(x), this.shortcut?.forward(x) ?? x))
  }
}

function make(layer: Layer): Module {
  switch (layer.type) {
    case 'conv': {
      const { inputs, outputs, kernel, stride, padding, bias } = layer
      return new Conv2d(inputs, outputs, kernel, { stride, padding, bias })
    }
    case 'batchNorm':
      return new BatchNorm2d(layer.channels)
    case 'relu':
      return new ReLU()
    case 'maxPool': {
      const { size, stride = size, padding = 0 } = layer
      return new MaxPool2d(size, { stride, padding })
    }
    case 'globalAvgPool':
      return new GlobalAvgPool()
    case 'flatten':
      return new Flatten()
    case 'linear':
      return new Linear(layer.inputs, layer.outputs)
    case 'residual': {
      const shortcut = layer.shortcut.length > 0 ? sequential(layer.shortcut) : undefined
      return new Residual(sequential(layer.body), shortcut)
    }
  }
}

const sequential = (layers: readonly Layer[]): Sequential => new Sequential(...layers.map(make))

export const build = (network: Network): Sequential => sequential(network.layers)
