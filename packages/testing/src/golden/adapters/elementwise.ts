import * as nabla from '@nablajs/tensor'
import {
  celu,
  clamp,
  elu,
  gelu,
  geluTanh,
  hardshrink,
  hardtanh,
  leakyRelu,
  logSoftmax,
  maskedFill,
  softmax,
  softplus,
  softshrink,
  type Tensor,
  threshold,
  where,
} from '@nablajs/tensor'
import * as special from '@nablajs/tensor/special'
import { type AdapterTable, axisOf, channelsLast, channelsSecond, gives, onX } from './adapter.ts'

/** Ops of one input without arguments. */
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
  digamma: special.digamma,
  erf: nabla.erf,
  erfc: special.erfc,
  erfinv: special.erfinv,
  exp: nabla.exp,
  exp2: nabla.exp2,
  expm1: nabla.expm1,
  floor: nabla.floor,
  frac: nabla.frac,
  hardsigmoid: nabla.hardsigmoid,
  hardswish: nabla.hardswish,
  lgamma: special.lgamma,
  log: nabla.log,
  log10: nabla.log10,
  log1p: nabla.log1p,
  log2: nabla.log2,
  logsigmoid: nabla.logSigmoid,
  mish: nabla.mish,
  neg: nabla.neg,
  reciprocal: nabla.reciprocal,
  relu: nabla.relu,
  relu6: nabla.relu6,
  round: nabla.round,
  rsqrt: nabla.rsqrt,
  selu: nabla.selu,
  sigmoid: nabla.sigmoid,
  sign: nabla.sign,
  silu: nabla.silu,
  sin: nabla.sin,
  sinh: nabla.sinh,
  softsign: nabla.softsign,
  sqrt: nabla.sqrt,
  square: nabla.square,
  tan: nabla.tan,
  tanh: nabla.tanh,
  tanhshrink: nabla.tanhshrink,
  trunc: nabla.trunc,
}

const binaries: Readonly<Record<string, (a: Tensor, b: Tensor) => Tensor>> = {
  add: nabla.add,
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
  logaddexp: nabla.logaddexp,
}

const withArguments: AdapterTable = {
  leaky_relu: onX((x, args) => leakyRelu(x, args.number('negative_slope', 0.01))),
  rrelu_eval: onX((x, args) => leakyRelu(x, (args.number('lower') + args.number('upper')) / 2)),
  prelu: (inputs) => {
    const x = channelsLast(inputs.get('x'))
    return gives(channelsSecond(leakyRelu(x, inputs.get('weight'))))
  },
  elu: onX((x, args) => elu(x, args.number('alpha', 1))),
  celu: onX((x, args) => celu(x, args.number('alpha', 1))),
  hardtanh: onX((x, args) => hardtanh(x, args.number('min_val', -1), args.number('max_val', 1))),
  hardshrink: onX((x, args) => hardshrink(x, args.number('lambd', 0.5))),
  softshrink: onX((x, args) => softshrink(x, args.number('lambd', 0.5))),
  threshold: onX((x, args) => threshold(x, args.number('threshold'), args.number('value'))),
  clamp: onX((x, args) =>
    clamp(
      x,
      args.number('min', Number.NEGATIVE_INFINITY),
      args.number('max', Number.POSITIVE_INFINITY),
    ),
  ),
  gelu: onX((x, args) =>
    args.choice('approximate', ['none', 'tanh'], 'none') === 'tanh' ? geluTanh(x) : gelu(x),
  ),
  softplus: onX((x, args) => softplus(x, args.number('beta', 1), args.number('threshold', 20))),
  softmax: onX((x, args) => softmax(x, axisOf(args))),
  log_softmax: onX((x, args) => logSoftmax(x, axisOf(args))),
  where: (inputs) => gives(where(inputs.get('c'), inputs.get('a'), inputs.get('b'))),
  masked_fill: (inputs, args) =>
    gives(maskedFill(inputs.get('x'), inputs.get('m'), args.number('value'))),
}

export const elementwiseAdapters: AdapterTable = {
  ...Object.fromEntries(Object.entries(unaries).map(([name, op]) => [name, onX((x) => op(x))])),
  ...Object.fromEntries(
    Object.entries(binaries).map(([name, op]) => [
      name,
      (inputs) => gives(op(inputs.get('a'), inputs.get('b'))),
    ]),
  ),
  ...withArguments,
}
