/** The networks as data, so that every library builds the same ones from one description. */

export type Layer =
  | {
      readonly type: 'conv'
      readonly inputs: number
      readonly outputs: number
      readonly kernel: number
      readonly stride: number
      readonly padding: number
      readonly bias: boolean
    }
  | { readonly type: 'batchNorm'; readonly channels: number }
  | { readonly type: 'relu' }
  | {
      readonly type: 'maxPool'
      readonly size: number
      /** The size, where it is left out. */
      readonly stride?: number
      /** None, where it is left out. */
      readonly padding?: number
    }
  /** The mean of each channel: `[N, H, W, C]` to `[N, C]`. */
  | { readonly type: 'globalAvgPool' }
  | { readonly type: 'flatten' }
  | { readonly type: 'linear'; readonly inputs: number; readonly outputs: number }
  /** `relu(body(x) + shortcut(x))`; an empty shortcut is the identity. */
  | {
      readonly type: 'residual'
      readonly body: readonly Layer[]
      readonly shortcut: readonly Layer[]
    }

export interface Network {
  readonly name: string
  /** Of one sample: `[features]` or `[height, width, channels]`. */
  readonly input: readonly number[]
  readonly layers: readonly Layer[]
}

export const relu: Layer = { type: 'relu' }
export const linear = (inputs: number, outputs: number): Layer => ({
  type: 'linear',
  inputs,
  outputs,
})
const conv = (
  inputs: number,
  outputs: number,
  kernel: number,
  { stride = 1, padding = 0, bias = true } = {},
): Layer => ({ type: 'conv', inputs, outputs, kernel, stride, padding, bias })

export const mlp: Network = {
  name: 'MLP 784-512-512-10',
  input: [784],
  layers: [linear(784, 512), relu, linear(512, 512), relu, linear(512, 10)],
}

export const lenet: Network = {
  name: 'LeNet-5',
  input: [28, 28, 1],
  layers: [
    conv(1, 6, 5, { padding: 2 }),
    relu,
    { type: 'maxPool', size: 2 },
    conv(6, 16, 5),
    relu,
    { type: 'maxPool', size: 2 },
    { type: 'flatten' },
    linear(400, 120),
    relu,
    linear(120, 84),
    relu,
    linear(84, 10),
  ],
}

/** Convolution without a bias, then batch norm, which has one. */
export const normed = (
  inputs: number,
  outputs: number,
  kernel: number,
  stride: number,
): Layer[] => [
  conv(inputs, outputs, kernel, { stride, padding: (kernel - 1) / 2, bias: false }),
  { type: 'batchNorm', channels: outputs },
]

const block = (inputs: number, outputs: number, stride: number): Layer => ({
  type: 'residual',
  body: [...normed(inputs, outputs, 3, stride), relu, ...normed(outputs, outputs, 3, 1)],
  shortcut: stride === 1 ? [] : normed(inputs, outputs, 1, stride),
})

/** Three stages of three blocks on 32x32 images; where the size halves, the shortcut is a 1x1 convolution. */
export const resnet20: Network = {
  name: 'ResNet-20',
  input: [32, 32, 3],
  layers: [
    ...normed(3, 16, 3, 1),
    relu,
    ...[16, 32, 64].flatMap((width, stage) => [
      stage === 0 ? block(16, width, 1) : block(width / 2, width, 2),
      block(width, width, 1),
      block(width, width, 1),
    ]),
    { type: 'globalAvgPool' },
    linear(64, 10),
  ],
}
