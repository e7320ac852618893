import { type Conv3dOptions, conv3d, type Tensor, type Triple } from '@nablajs/tensor'
import { Conv, plain, type Settings } from './conv.ts'
import type { FactoryOptions } from './factory.ts'

export interface Conv3dLayerOptions extends Conv3dOptions, FactoryOptions {
  /** Whether to add a bias. Default true. */
  bias?: boolean
}

/**
 * Convolution of volumes: `[N, D, H, W, inChannels]` to `[N, OD, OH, OW, outChannels]`; see `conv3d`.
 *
 * Weight `[T, R, S, inChannels / groups, outChannels]` (PyTorch's is `[K, C / groups, T, R, S]`) and
 * bias start uniform in ±1/√(T·R·S·inChannels / groups).
 */
export class Conv3d extends Conv {
  readonly stride: Triple
  readonly padding: Triple | 'same' | 'valid'
  readonly dilation: Triple

  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Triple,
    options: Conv3dLayerOptions = {},
  ) {
    const size = typeof kernelSize === 'number' ? [kernelSize, kernelSize, kernelSize] : kernelSize
    super(inChannels, outChannels, size, options, false)
    this.stride = options.stride ?? 1
    this.padding = options.padding ?? 0
    this.dilation = options.dilation ?? 1
  }

  /** @throws ShapeError when the input is not `[N, D, H, W, inChannels]` or smaller than the kernel. */
  forward(x: Tensor): Tensor {
    this.check(x)
    return conv3d(x, this.weight, this.bias, this)
  }

  protected settings(): Settings {
    return plain(this)
  }
}
