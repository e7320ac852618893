/**
 * How to call each op of the golden files here: names, arguments and layouts of PyTorch on one side,
 * the public functions of the packages on the other. An op has a line when one function (or layer)
 * does what it says; what would have to be put together from several is left out and reported as
 * not implemented.
 */

import {
  batchNorm,
  bceWithLogits,
  crossEntropy,
  huberLoss,
  Linear,
  l1Loss,
  mseLoss,
  nllLoss,
  type Reduction,
  smoothL1Loss,
} from '@nablajs/nn'
import * as nabla from '@nablajs/tensor'
import {
  add,
  argmax,
  argmin,
  avgPool2d,
  clamp,
  concat,
  conv2d,
  elu,
  flip,
  gather,
  gelu,
  leakyRelu,
  logSoftmax,
  logsumexp,
  matmul,
  max,
  maxPool2dWithIndices,
  mean,
  min,
  oneHot,
  type Pair,
  pad,
  permute,
  scatterAdd,
  softmax,
  softplus,
  stack,
  std,
  sum,
  type Tensor,
  variance,
  where,
} from '@nablajs/tensor'
import type { Args } from './args.ts'
import type { CaseInputs } from './ops.ts'
import { Unsupported } from './report.ts'

export interface Outcome {
  readonly outputs: readonly Tensor[]
  /** State that the op changed. */
  readonly after?: Readonly<Record<string, Tensor>>
}

export type Adapter = (inputs: CaseInputs, args: Args) => Outcome

const gives = (...outputs: Tensor[]): Outcome => ({ outputs })

/** The channels from the second place to the last, `[N, C, ...]` to `[N, ..., C]`. */
export function channelsLast(x: Tensor): Tensor {
  const axes = x.shape.map((_, axis) => axis)
  return x.rank < 3 ? x : permute(x, [0, ...axes.slice(2), 1])
}

/** The other way round. */
export function channelsSecond(x: Tensor): Tensor {
  const axes = x.shape.map((_, axis) => axis)
  return x.rank < 3 ? x : permute(x, [0, axes.at(-1)!, ...axes.slice(1, -1)])
}

/** Axes as our functions take them. */
const axesOf = (args: Args, name = 'dim'): number | number[] | undefined =>
  args.has(name) ? args.sizes(name) : undefined

const axisOf = (args: Args, name = 'dim'): number => args.number(name)

const reductionOf = (args: Args): { reduction: Reduction } => ({
  reduction: args.choice('reduction', ['mean', 'sum', 'none'], 'mean'),
})

/** Ops of one input without arguments, by the names of both sides. */
const unaries: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  abs: nabla.abs,
  acos: nabla.acos,
  acosh: nabla.acosh,
  asin: nabla.asin,
  asinh: nabla.asinh,
  atan: nabla.atan,
  atanh: nabla.atanh,
  ceil: nabla.ceil,
  cos: nabla.cos,
  cosh: nabla.cosh,
  erf: nabla.erf,
  exp: nabla.exp,
  expm1: nabla.expm1,
  floor: nabla.floor,
  log: nabla.log,
  log10: nabla.log10,
  log1p: nabla.log1p,
  log2: nabla.log2,
  logsigmoid: nabla.logSigmoid,
  neg: nabla.neg,
  reciprocal: nabla.reciprocal,
  relu: nabla.relu,
  round: nabla.round,
  rsqrt: nabla.rsqrt,
  sigmoid: nabla.sigmoid,
  sign: nabla.sign,
  silu: nabla.silu,
  sin: nabla.sin,
  sinh: nabla.sinh,
  sqrt: nabla.sqrt,
  square: nabla.square,
  tan: nabla.tan,
  tanh: nabla.tanh,
  trunc: nabla.trunc,
}

const binaries: Readonly<Record<string, (a: Tensor, b: Tensor) => Tensor>> = {
  add,
  sub: nabla.sub,
  mul: nabla.mul,
  div: nabla.div,
  pow: nabla.pow,
  maximum: nabla.maximum,
  minimum: nabla.minimum,
  atan2: nabla.atan2,
  hypot: nabla.hypot,
  fmod: nabla.fmod,
  remainder: nabla.remainder,
  matmul,
}

const activations: Readonly<Record<string, Adapter>> = {
  leaky_relu: (inputs, args) =>
    gives(leakyRelu(inputs.get('x'), args.number('negative_slope', 0.01))),
  rrelu_eval: (inputs, args) =>
    gives(leakyRelu(inputs.get('x'), (args.number('lower') + args.number('upper')) / 2)),
  prelu: (inputs) => {
    const x = inputs.get('x')
    return gives(channelsSecond(leakyRelu(channelsLast(x), inputs.get('weight'))))
  },
  elu: (inputs, args) => gives(elu(inputs.get('x'), args.number('alpha', 1))),
  relu6: (inputs) => gives(clamp(inputs.get('x'), 0, 6)),
  hardtanh: (inputs, args) =>
    gives(clamp(inputs.get('x'), args.number('min_val', -1), args.number('max_val', 1))),
  clamp: (inputs, args) =>
    gives(
      clamp(
        inputs.get('x'),
        args.number('min', Number.NEGATIVE_INFINITY),
        args.number('max', Number.POSITIVE_INFINITY),
      ),
    ),
  gelu: (inputs, args) => {
    args.choice('approximate', ['none'], 'none')
    return gives(gelu(inputs.get('x')))
  },
  softplus: (inputs, args) =>
    gives(softplus(inputs.get('x'), args.number('beta', 1), args.number('threshold', 20))),
  softmax: (inputs, args) => gives(softmax(inputs.get('x'), axisOf(args))),
  log_softmax: (inputs, args) => gives(logSoftmax(inputs.get('x'), axisOf(args))),
}

const reductions: Readonly<Record<string, Adapter>> = {
  sum: (inputs, args) =>
    gives(sum(inputs.get('x'), axesOf(args), { keepdim: args.boolean('keepdim', false) })),
  mean: (inputs, args) =>
    gives(mean(inputs.get('x'), axesOf(args), { keepdim: args.boolean('keepdim', false) })),
  var: (inputs, args) =>
    gives(
      variance(inputs.get('x'), axesOf(args), {
        correction: args.boolean('unbiased', true) ? 1 : 0,
        keepdim: args.boolean('keepdim', false),
      }),
    ),
  std: (inputs, args) =>
    gives(
      std(inputs.get('x'), axesOf(args), {
        correction: args.boolean('unbiased', true) ? 1 : 0,
        keepdim: args.boolean('keepdim', false),
      }),
    ),
  logsumexp: (inputs, args) =>
    gives(logsumexp(inputs.get('x'), axesOf(args), { keepdim: args.boolean('keepdim', false) })),
  amax: (inputs, args) =>
    gives(max(inputs.get('x'), axesOf(args), { keepdim: args.boolean('keepdim', false) })),
  amin: (inputs, args) =>
    gives(min(inputs.get('x'), axesOf(args), { keepdim: args.boolean('keepdim', false) })),
  argmax: (inputs, args) => gives(argmax(inputs.get('x'), axisOf(args))),
  argmin: (inputs, args) => gives(argmin(inputs.get('x'), axisOf(args))),
  max: (inputs, args) => {
    const [x, axis] = [inputs.get('x'), axisOf(args)]
    return gives(max(x, axis), argmax(x, axis))
  },
  min: (inputs, args) => {
    const [x, axis] = [inputs.get('x'), axisOf(args)]
    return gives(min(x, axis), argmin(x, axis))
  },
}

const movements: Readonly<Record<string, Adapter>> = {
  flip: (inputs, args) => gives(flip(inputs.get('x'), args.sizes('dims'))),
  permute: (inputs, args) => gives(permute(inputs.get('x'), [args.sizes('dims')].flat())),
  cat: (inputs, args) => gives(concat(inputs.all(), axisOf(args))),
  stack: (inputs, args) => gives(stack(inputs.all(), axisOf(args))),
  pad: (inputs, args) => {
    const x = inputs.get('x')
    const mode = args.choice('mode', ['constant'], 'constant')
    const sizes = [args.sizes('pad')].flat()
    if (args.number('value', 0) !== 0) throw new Unsupported(`${mode} other than 0`)
    // From the last axis on, before and after.
    const pairs = x.shape.map((_, axis): [number, number] => {
      const from = 2 * (x.rank - 1 - axis)
      return [sizes[from] ?? 0, sizes[from + 1] ?? 0]
    })
    return gives(pad(x, pairs))
  },
  where: (inputs) => gives(where(inputs.get('c'), inputs.get('a'), inputs.get('b'))),
  masked_fill: (inputs, args) =>
    gives(where(inputs.get('m'), args.number('value'), inputs.get('x'))),
  one_hot: (inputs, args) =>
    gives(oneHot(inputs.get('x'), args.number('num_classes'), { dtype: 'i32' })),
  gather: (inputs, args) => gives(gather(inputs.get('x'), axisOf(args), inputs.get('idx'))),
  take_along_dim: (inputs, args) => gives(gather(inputs.get('x'), axisOf(args), inputs.get('idx'))),
  scatter_add: (inputs, args) =>
    gives(scatterAdd(inputs.get('x'), axisOf(args), inputs.get('idx'), inputs.get('src'))),
}

const losses: Readonly<Record<string, Adapter>> = {
  l1_loss: (inputs, args) =>
    gives(l1Loss(inputs.get('input'), inputs.get('target'), reductionOf(args))),
  mse_loss: (inputs, args) =>
    gives(mseLoss(inputs.get('input'), inputs.get('target'), reductionOf(args))),
  smooth_l1_loss: (inputs, args) =>
    gives(
      smoothL1Loss(inputs.get('input'), inputs.get('target'), {
        beta: args.number('beta', 1),
        ...reductionOf(args),
      }),
    ),
  huber_loss: (inputs, args) =>
    gives(
      huberLoss(inputs.get('input'), inputs.get('target'), {
        delta: args.number('delta', 1),
        ...reductionOf(args),
      }),
    ),
  binary_cross_entropy_with_logits: (inputs, args) => {
    const [weight, posWeight] = [inputs.optional('_weight'), inputs.optional('_pos_weight')]
    return gives(
      bceWithLogits(inputs.get('input'), inputs.get('_target'), {
        ...(weight && { weight }),
        ...(posWeight && { posWeight }),
        ...reductionOf(args),
      }),
    )
  },
  cross_entropy: (inputs, args) => {
    const weight = inputs.optional('_weight')
    return gives(
      crossEntropy(channelsLast(inputs.get('input')), inputs.get('target'), {
        labelSmoothing: args.number('label_smoothing', 0),
        ignoreIndex: args.number('ignore_index', -100),
        ...(weight && { weight }),
        ...reductionOf(args),
      }),
    )
  },
  cross_entropy_prob: (inputs, args) => {
    const weight = inputs.optional('_weight')
    return gives(
      crossEntropy(channelsLast(inputs.get('input')), channelsLast(inputs.get('_target')), {
        labelSmoothing: args.number('label_smoothing', 0),
        ...(weight && { weight }),
        ...reductionOf(args),
      }),
    )
  },
  nll_loss: (inputs, args) => {
    const weight = inputs.optional('_weight')
    return gives(
      nllLoss(channelsLast(inputs.get('input')), inputs.get('target'), {
        ignoreIndex: args.number('ignore_index', -100),
        ...(weight && { weight }),
        ...reductionOf(args),
      }),
    )
  },
}

const paddingOf = (args: Args): Pair | 'same' | 'valid' => {
  const words = ['same', 'valid'] as const
  return args.isWord('padding') ? args.choice('padding', words) : args.pair('padding', 0)
}

const layers: Readonly<Record<string, Adapter>> = {
  linear: (inputs) => {
    const [x, weight] = [inputs.get('x'), inputs.get('weight')]
    const [out, into] = weight.shape as [number, number]
    const layer = new Linear(into, out)
    layer.weight = weight
    layer.bias = inputs.optional('bias')
    return gives(layer.forward(x))
  },
  conv2d: (inputs, args) => {
    args.boolean('bias', true)
    const weight = inputs.get('weight').permute([2, 3, 1, 0])
    const y = conv2d(channelsLast(inputs.get('x')), weight, inputs.optional('bias'), {
      stride: args.pair('stride', 1),
      padding: paddingOf(args),
      dilation: args.pair('dilation', 1),
      groups: args.number('groups', 1),
    })
    return gives(channelsSecond(y))
  },
  max_pool2d: (inputs, args) => {
    const window = args.pair('kernel_size')
    const { values, indices } = maxPool2dWithIndices(channelsLast(inputs.get('x')), window, {
      stride: args.has('stride') ? args.pair('stride') : window,
      padding: args.pair('padding', 0),
      dilation: args.pair('dilation', 1),
      ceilMode: args.boolean('ceil_mode', false),
    })
    return gives(channelsSecond(values), channelsSecond(indices))
  },
  avg_pool2d: (inputs, args) => {
    const window = args.pair('kernel_size')
    const y = avgPool2d(channelsLast(inputs.get('x')), window, {
      stride: args.has('stride') ? args.pair('stride') : window,
      padding: args.pair('padding', 0),
      ceilMode: args.boolean('ceil_mode', false),
      countIncludePad: args.boolean('count_include_pad', true),
      ...(args.has('divisor_override') && { divisorOverride: args.number('divisor_override') }),
    })
    return gives(channelsSecond(y))
  },
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
}

const mapEntries = <T>(
  table: Readonly<Record<string, T>>,
  adapt: (value: T) => Adapter,
): Record<string, Adapter> =>
  Object.fromEntries(Object.entries(table).map(([name, value]) => [name, adapt(value)]))

export const adapters: Readonly<Record<string, Adapter>> = {
  ...mapEntries(unaries, (op) => (inputs) => gives(op(inputs.get('x')))),
  ...mapEntries(binaries, (op) => (inputs) => gives(op(inputs.get('a'), inputs.get('b')))),
  ...activations,
  ...reductions,
  ...movements,
  ...losses,
  ...layers,
}
