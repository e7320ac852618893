/**
 * Activations as modules. A new one is one exported line here: the function, and the names of the
 * settings that it takes after its input. Those with state are in `parametric.ts`.
 */
import {
  celu,
  chunk,
  elu,
  gelu,
  geluTanh,
  hardshrink,
  hardsigmoid,
  hardswish,
  hardtanh,
  leakyRelu,
  logSigmoid,
  logSoftmax,
  mish,
  relu,
  relu6,
  ShapeError,
  selu,
  showShape,
  sigmoid,
  silu,
  softmax,
  softplus,
  softshrink,
  softsign,
  tanh,
  tanhshrink,
  threshold,
} from '@nablajs/tensor'
import { type Functional, functional } from './functional.ts'

/** `max(x, 0)`; see `relu`. Nair & Hinton, ICML 2010. */
export const ReLU: Functional = functional('ReLU', relu)

/** `x` above 0, `negativeSlope x` below (default 0.01); see `leakyRelu`. Maas, Hannun, Ng, 2013. */
export const LeakyReLU: Functional<[negativeSlope?: number]> = functional(
  'LeakyReLU',
  (x, slope = 0.01) => leakyRelu(x, slope),
  'negativeSlope',
)

/** `x` above 0, `alpha (eˣ - 1)` below (default 1); see `elu`. Clevert et al., arXiv 1511.07289. */
export const ELU: Functional<[alpha?: number]> = functional(
  'ELU',
  (x, alpha = 1) => elu(x, alpha),
  'alpha',
)

/**
 * `x Φ(x)`, exact, or with `'tanh'` the approximation of `geluTanh`. Hendrycks & Gimpel, arXiv
 * 1606.08415.
 */
export const GELU: Functional<[approximate?: 'none' | 'tanh']> = functional(
  'GELU',
  (x, approximate = 'none') => (approximate === 'tanh' ? geluTanh(x) : gelu(x)),
  'approximate',
)

/** `x sigmoid(x)`, also called swish; see `silu`. Ramachandran et al., arXiv 1710.05941. */
export const SiLU: Functional = functional('SiLU', silu)

/** `1 / (1 + e⁻ˣ)`; see `sigmoid`. */
export const Sigmoid: Functional = functional('Sigmoid', sigmoid)

/** `log(sigmoid(x))`; see `logSigmoid`. */
export const LogSigmoid: Functional = functional('LogSigmoid', logSigmoid)

/** The hyperbolic tangent; see `tanh`. */
export const Tanh: Functional = functional('Tanh', tanh)

/** `log(1 + e^(beta x)) / beta` (beta 1), linear where `beta x > threshold` (20); see `softplus`. */
export const Softplus: Functional<[beta?: number, threshold?: number]> = functional(
  'Softplus',
  softplus,
  'beta',
  'threshold',
)

/** Positive numbers that add up to 1 along an axis (default: the last); see `softmax`. */
export const Softmax: Functional<[axis?: number]> = functional('Softmax', softmax, 'axis')

/** The logarithm of softmax along an axis (default: the last); see `logSoftmax`. */
export const LogSoftmax: Functional<[axis?: number]> = functional('LogSoftmax', logSoftmax, 'axis')

/** Positive numbers that add up to 1 along an axis (default: the last), the largest for the smallest. */
export const Softmin: Functional<[axis?: number]> = functional(
  'Softmin',
  (x, axis) => softmax(x.neg(), axis),
  'axis',
)

/** Softmax over the channels of each pixel of images `[N, H, W, C]`. */
export const Softmax2d: Functional = functional('Softmax2d', (x) => {
  if (x.rank !== 3 && x.rank !== 4)
    throw new ShapeError(
      `Softmax2d: the input is ${showShape(x.shape)}; it must be [N, H, W, C] or [H, W, C]`,
    )
  return softmax(x, -1)
})

/** `min(max(x, 0), 6)`; see `relu6`. */
export const ReLU6: Functional = functional('ReLU6', relu6)

/** x held between `minVal` (default -1) and `maxVal` (1); see `hardtanh`. */
export const Hardtanh: Functional<[minVal?: number, maxVal?: number]> = functional(
  'Hardtanh',
  (x, low = -1, high = 1) => hardtanh(x, low, high),
  'minVal',
  'maxVal',
)

/** `x / 6 + 1/2`, held between 0 and 1; see `hardsigmoid`. */
export const Hardsigmoid: Functional = functional('Hardsigmoid', hardsigmoid)

/** `x hardsigmoid(x)`; see `hardswish`. Howard et al., arXiv 1905.02244. */
export const Hardswish: Functional = functional('Hardswish', hardswish)

/** 0 where `|x| ≤ lambda` (default 0.5), else x; see `hardshrink`. */
export const Hardshrink: Functional<[lambda?: number]> = functional(
  'Hardshrink',
  (x, lambda = 0.5) => hardshrink(x, lambda),
  'lambda',
)

/** x moved towards 0 by `lambda` (default 0.5); see `softshrink`. */
export const Softshrink: Functional<[lambda?: number]> = functional(
  'Softshrink',
  (x, lambda = 0.5) => softshrink(x, lambda),
  'lambda',
)

/** `x - tanh(x)`; see `tanhshrink`. */
export const Tanhshrink: Functional = functional('Tanhshrink', tanhshrink)

/** `x / (1 + |x|)`; see `softsign`. */
export const Softsign: Functional = functional('Softsign', softsign)

/** x above `threshold`, else `value`; see `threshold`. */
export const Threshold: Functional<[threshold: number, value: number]> = functional(
  'Threshold',
  threshold,
  'threshold',
  'value',
)

/** `x` above 0, `alpha (e^(x / alpha) - 1)` below (default 1); see `celu`. Barron, arXiv 1704.07483. */
export const CELU: Functional<[alpha?: number]> = functional(
  'CELU',
  (x, alpha = 1) => celu(x, alpha),
  'alpha',
)

/** An ELU that keeps mean 0 and variance 1; see `selu`. Klambauer et al., arXiv 1706.02515. */
export const SELU: Functional = functional('SELU', selu)

/** `x tanh(softplus(x))`; see `mish`. Misra, arXiv 1908.08681. */
export const Mish: Functional = functional('Mish', mish)

/**
 * Half of an axis (default: the last), gated by the sigmoid of the other half: `a sigmoid(b)`.
 * Dauphin et al., arXiv 1612.08083.
 */
export const GLU: Functional<[axis?: number]> = functional(
  'GLU',
  (x, axis = -1) => {
    const size = x.shape.at(axis)
    if (size === undefined || size % 2 !== 0)
      throw new ShapeError(
        `GLU: axis ${axis} of ${showShape(x.shape)} cannot be halved; it must have an even size`,
      )
    const [a, b] = chunk(x, 2, axis)
    return a!.mul(sigmoid(b!))
  },
  'axis',
)
