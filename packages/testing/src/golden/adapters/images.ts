import { batchNorm } from '@nablajs/nn'
import {
  adaptiveAvgPool2d,
  adaptiveMaxPool2dWithIndices,
  affineGrid,
  avgPool1d,
  avgPool2d,
  channelShuffle,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  fold,
  gridSample,
  interpolate,
  localResponseNorm,
  lpPool2d,
  maxPool1d,
  maxPool2dWithIndices,
  type Pair,
  pixelShuffle,
  pixelUnshuffle,
  type Tensor,
  unfold,
} from '@nablajs/tensor'
import type { Args } from '../args.ts'
import {
  type Adapter,
  type AdapterTable,
  channelsLast,
  channelsSecond,
  gives,
  onImages,
} from './adapter.ts'

type Padding = 'same' | 'valid'

const one = (args: Args, name: string, fallback: number): number => {
  const value = [args.sizes(name, fallback)].flat()
  return value[0]!
}

const triple = (args: Args, name: string, fallback: number) => {
  const value = args.sizes(name, fallback)
  return typeof value === 'number' ? value : (value as [number, number, number])
}

/** Padding may be a word; otherwise `read` takes the numbers. */
const paddingOf = <T>(args: Args, read: (name: string, fallback: number) => T): T | Padding =>
  args.isWord('padding') ? args.choice<Padding>('padding', ['same', 'valid']) : read('padding', 0)

/** A weight `[K, C / groups, ...]` as `[..., C / groups, K]`. */
function weightLast(weight: Tensor): Tensor {
  const axes = weight.shape.map((_, axis) => axis)
  return weight.permute([...axes.slice(2), 1, 0])
}

type Convolve = (x: Tensor, weight: Tensor, bias: Tensor | undefined, args: Args) => Tensor

const convolution =
  (convolve: Convolve): Adapter =>
  (inputs, args) => {
    // Says whether there is one; the inputs do so, too.
    args.boolean('bias', true)
    const weight = weightLast(inputs.get('weight'))
    const x = channelsLast(inputs.get('x'))
    return gives(channelsSecond(convolve(x, weight, inputs.optional('bias'), args)))
  }

const strideOf = (args: Args, window: Pair): Pair =>
  args.has('stride') ? args.pair('stride') : window

const sizeOf = (args: Args): readonly [number | null, number | null] | number => {
  const size = args.optionalSizes('output_size')
  return typeof size === 'number' ? size : (size as [number | null, number | null])
}

const foldOptions = (args: Args) => ({
  stride: args.pair('stride', 1),
  padding: args.pair('padding', 0),
  dilation: args.pair('dilation', 1),
})

const both = (value: Pair): readonly [number, number] =>
  typeof value === 'number' ? [value, value] : value

const grids = {
  mode: ['bilinear', 'nearest', 'bicubic'],
  padding: ['zeros', 'border', 'reflection'],
} as const

const resizing = [
  'nearest',
  'nearest-exact',
  'linear',
  'bilinear',
  'trilinear',
  'bicubic',
  'area',
] as const

export const imageAdapters: AdapterTable = {
  conv1d: convolution((x, weight, bias, args) =>
    conv1d(x, weight, bias, {
      stride: one(args, 'stride', 1),
      padding: paddingOf(args, (name, fallback) => one(args, name, fallback)),
      dilation: one(args, 'dilation', 1),
      groups: args.number('groups', 1),
    }),
  ),
  conv2d: convolution((x, weight, bias, args) =>
    conv2d(x, weight, bias, {
      stride: args.pair('stride', 1),
      padding: paddingOf(args, (name, fallback) => args.pair(name, fallback)),
      dilation: args.pair('dilation', 1),
      groups: args.number('groups', 1),
    }),
  ),
  conv3d: convolution((x, weight, bias, args) =>
    conv3d(x, weight, bias, {
      stride: triple(args, 'stride', 1),
      padding: paddingOf(args, (name, fallback) => triple(args, name, fallback)),
      dilation: triple(args, 'dilation', 1),
      groups: args.number('groups', 1),
    }),
  ),
  conv_transpose1d: convolution((x, weight, bias, args) =>
    convTranspose1d(x, weight, bias, {
      stride: one(args, 'stride', 1),
      padding: one(args, 'padding', 0),
      outputPadding: one(args, 'output_padding', 0),
      dilation: one(args, 'dilation', 1),
      groups: args.number('groups', 1),
    }),
  ),
  conv_transpose2d: convolution((x, weight, bias, args) =>
    convTranspose2d(x, weight, bias, {
      stride: args.pair('stride', 1),
      padding: args.pair('padding', 0),
      outputPadding: args.pair('output_padding', 0),
      dilation: args.pair('dilation', 1),
      groups: args.number('groups', 1),
    }),
  ),
  max_pool1d: onImages((x, args) => {
    const window = one(args, 'kernel_size', 0)
    return maxPool1d(x, window, {
      stride: one(args, 'stride', window),
      padding: one(args, 'padding', 0),
      dilation: one(args, 'dilation', 1),
      ceilMode: args.boolean('ceil_mode', false),
    })
  }),
  avg_pool1d: onImages((x, args) => {
    const window = one(args, 'kernel_size', 0)
    return avgPool1d(x, window, {
      stride: one(args, 'stride', window),
      padding: one(args, 'padding', 0),
      ceilMode: args.boolean('ceil_mode', false),
      countIncludePad: args.boolean('count_include_pad', true),
    })
  }),
  max_pool2d: (inputs, args) => {
    const window = args.pair('kernel_size')
    const { values, indices } = maxPool2dWithIndices(channelsLast(inputs.get('x')), window, {
      stride: strideOf(args, window),
      padding: args.pair('padding', 0),
      dilation: args.pair('dilation', 1),
      ceilMode: args.boolean('ceil_mode', false),
    })
    return gives(channelsSecond(values), channelsSecond(indices))
  },
  avg_pool2d: onImages((x, args) => {
    const window = args.pair('kernel_size')
    return avgPool2d(x, window, {
      stride: strideOf(args, window),
      padding: args.pair('padding', 0),
      ceilMode: args.boolean('ceil_mode', false),
      countIncludePad: args.boolean('count_include_pad', true),
      ...(args.has('divisor_override') && { divisorOverride: args.number('divisor_override') }),
    })
  }),
  lp_pool2d: onImages((x, args) => {
    const window = args.pair('kernel_size')
    return lpPool2d(x, args.number('norm_type'), window, {
      stride: strideOf(args, window),
      ceilMode: args.boolean('ceil_mode', false),
    })
  }),
  adaptive_avg_pool2d: onImages((x, args) => adaptiveAvgPool2d(x, sizeOf(args))),
  adaptive_max_pool2d: (inputs, args) => {
    const x = channelsLast(inputs.get('x'))
    const { values, indices } = adaptiveMaxPool2dWithIndices(x, sizeOf(args))
    return gives(channelsSecond(values), channelsSecond(indices))
  },
  local_response_norm: onImages((x, args) =>
    localResponseNorm(x, args.number('size'), {
      alpha: args.number('alpha', 1e-4),
      beta: args.number('beta', 0.75),
      k: args.number('k', 1),
    }),
  ),
  batch_norm: (inputs, args) => {
    const runningMean = inputs.optional('_running_mean')
    const runningVar = inputs.optional('_running_var')
    const y = batchNorm(channelsLast(inputs.get('x')), {
      weight: inputs.optional('weight'),
      bias: inputs.optional('bias'),
      runningMean,
      runningVar,
      training: args.boolean('training', false),
      momentum: args.number('momentum', 0.1),
      eps: args.number('eps', 1e-5),
    })
    return {
      outputs: [channelsSecond(y)],
      ...(runningMean &&
        runningVar && { after: { running_mean: runningMean, running_var: runningVar } }),
    }
  },
  interpolate: onImages((x, args) =>
    interpolate(x, {
      mode: args.choice('mode', resizing, 'nearest'),
      ...(args.has('size') && { size: args.sizes('size') }),
      ...(args.has('scale_factor') && { scaleFactor: args.sizes('scale_factor') }),
      alignCorners: args.boolean('align_corners', false),
      antialias: args.boolean('antialias', false),
    }),
  ),
  grid_sample: (inputs, args) => {
    const y = gridSample(channelsLast(inputs.get('x')), inputs.get('grid'), {
      mode: args.choice('mode', grids.mode, 'bilinear'),
      paddingMode: args.choice('padding_mode', grids.padding, 'zeros'),
      alignCorners: args.boolean('align_corners', false),
    })
    return gives(channelsSecond(y))
  },
  affine_grid: (inputs, args) => {
    // N, C and the axes of the image.
    const size = [args.sizes('size')].flat().slice(2)
    const alignCorners = args.boolean('align_corners', false)
    return gives(affineGrid(inputs.get('theta'), size, { alignCorners }))
  },
  pixel_shuffle: onImages((x, args) => pixelShuffle(x, args.number('r'))),
  pixel_unshuffle: onImages((x, args) => pixelUnshuffle(x, args.number('r'))),
  channel_shuffle: onImages((x, args) => channelShuffle(x, args.number('groups'))),
  unfold: (inputs, args) => {
    const window = args.pair('kernel_size')
    const y = unfold(channelsLast(inputs.get('x')), window, foldOptions(args))
    const [n, oh, ow, r, s, c] = y.shape as [number, number, number, number, number, number]
    return gives(y.permute([0, 5, 3, 4, 1, 2]).reshape([n, c * r * s, oh * ow]))
  },
  fold: (inputs, args) => {
    const x = inputs.get('x')
    const [r, s] = both(args.pair('kernel_size'))
    const size = both(args.pair('output_size'))
    const options = foldOptions(args)
    const [stride, padding, dilation] = [options.stride, options.padding, options.dilation].map(
      both,
    )
    const [oh, ow] = [r, s].map((taps, i) =>
      Math.floor((size[i]! + 2 * padding![i]! - dilation![i]! * (taps - 1) - 1) / stride![i]! + 1),
    )
    const windows = x.reshape([x.shape[0]!, -1, r, s, oh!, ow!]).permute([0, 4, 5, 2, 3, 1])
    return gives(channelsSecond(fold(windows, size, options)))
  },
}
