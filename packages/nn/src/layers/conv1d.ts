import { type Conv1dOptions, conv1d, type Tensor } from '@nablajs/tensor'
import { Conv, plain, type Settings } from './conv.ts'
import type { FactoryOptions } from './factory.ts'

export interface Conv1dLayerOptions extends Conv1dOptions, FactoryOptions {
  /** Whether to add a bias. Default true. */
  bias?: boolean
}

/**
 * Convolution of sequences: `[N, L, inChannels]` to `[N, OL, outChannels]`; see `conv1d`.
 *
 * Weight `[S, inChannels / groups, outChannels]` (PyTorch's is `[K, C / groups, S]`) and bias start
 * uniform in ±1/√(S·inChannels / groups).
 *
 * @example
 * ```ts
 * new Conv1d(8, 16, 3, { padding: 1 }).forward(zeros([4, 100, 8])).shape   // [4, 100, 16]
 * ```
 */
export class Conv1d extends Conv {
  readonly stride: number
  readonly padding: number | 'same' | 'valid'
  readonly dilation: number

  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number,
    options: Conv1dLayerOptions = {},
  ) {
    super(inChannels, outChannels, [kernelSize], options, false)
    this.stride = options.stride ?? 1
    this.padding = options.padding ?? 0
    this.dilation = options.dilation ?? 1
  }

  /** @throws ShapeError when the input is not `[N, L, inChannels]` or shorter than the kernel. */
  forward(x: Tensor): Tensor {
    this.check(x)
    return conv1d(x, this.weight, this.bias, this)
  }

  protected settings(): Settings {
    return plain(this)
  }
}
