/**
 * Elementwise ops of one tensor. A new one is one exported row here: its method, its gradient, its
 * kernels and its tests follow from it.
 */

import { constant, type Scalar, select } from '../program/scalar.ts'
import type { Tensor } from '../tensor.ts'
import { type Elementwise, elementwise, type Operand, type Unary, unary } from './elementwise.ts'
import { logistic } from './logistic.ts'

const infinity = Number.POSITIVE_INFINITY

const one = (x: Scalar): Scalar => constant(1, x.dtype)

/** `-x` */
export const neg: Unary = unary('neg', { accepts: 'number', forward: (x) => x.neg() })

/** `|x|`; its gradient at 0 is 0. */
export const abs: Unary = unary('abs', {
  accepts: 'number',
  forward: (x) => x.abs(),
  points: [[0], [-0]],
})

/** -1, 0 or 1. Flat: the gradient is 0. */
export const sign: Unary = unary('sign', {
  accepts: 'number',
  forward: (x) => x.sign(),
  points: [[0]],
})

/** The largest whole number that is not above. */
export const floor: Unary = unary('floor', {
  accepts: 'number',
  forward: (x) => x.floor(),
  points: [[-0.5], [2], [-2]],
})

/** The smallest whole number that is not below. */
export const ceil: Unary = unary('ceil', {
  accepts: 'number',
  forward: (x) => x.ceil(),
  points: [[-0.5], [2], [-2]],
})

/** The nearest whole number; halves go to the even one. */
export const round: Unary = unary('round', {
  accepts: 'number',
  forward: (x) => x.round(),
  points: [[0.5], [1.5], [2.5], [-0.5], [-1.5], [8388609]],
})

/** The whole part: rounded towards 0. */
export const trunc: Unary = unary('trunc', {
  accepts: 'number',
  forward: (x) => x.trunc(),
  points: [[-0.5], [-1.5], [1.5]],
})

/** What follows the decimal point, with the sign of x: `x - trunc(x)`. */
export const frac: Unary = unary('frac', {
  accepts: 'float',
  forward: (x) => x.sub(x.trunc()),
  points: [[-1.5], [2]],
})

/** `x²` */
export const square: Unary = unary('square', { accepts: 'number', forward: (x) => x.mul(x) })

/** `√x`; NaN below 0. */
export const sqrt: Unary = unary('sqrt', {
  accepts: 'float',
  forward: (x) => x.sqrt(),
  gradient: (g, y) => [g.mul(0.5).div(y)],
  domain: [[0.1, 3]],
})

/** `1 / √x` */
export const rsqrt: Unary = unary('rsqrt', {
  precise: true,
  accepts: 'float',
  forward: (x) => one(x).div(x.sqrt()),
  gradient: (g, y) => [g.mul(-0.5).mul(y.mul(y).mul(y))],
  domain: [[0.1, 3]],
})

/** `1 / x` */
export const reciprocal: Unary = unary('reciprocal', {
  precise: true,
  accepts: 'float',
  forward: (x) => one(x).div(x),
  gradient: (g, y) => [g.mul(y.mul(y)).neg()],
  domain: [[0.2, 2]],
  points: [[0], [-0]],
})

/** `eˣ` */
export const exp: Unary = unary('exp', {
  precise: true,
  accepts: 'float',
  forward: (x) => x.exp(),
  gradient: (g, y) => [g.mul(y)],
  points: [[88], [89], [-87], [-104]],
})

/** `2ˣ` */
export const exp2: Unary = unary('exp2', {
  accepts: 'float',
  forward: (x) => constant(2, x.dtype).pow(x),
  gradient: (g, y) => [g.mul(y.mul(Math.LN2))],
  points: [[0], [10], [-3], [200]],
})

/** `eˣ - 1`, exact near 0. */
export const expm1: Unary = unary('expm1', {
  precise: true,
  accepts: 'float',
  forward: (x) => x.expm1(),
  gradient: (g, y) => [g.mul(y.add(1))],
  points: [[1e-7], [-1e-7], [-40], [89]],
})

/** The natural logarithm; -Infinity at 0, NaN below. */
export const log: Unary = unary('log', {
  precise: true,
  accepts: 'float',
  forward: (x) => x.log(),
  domain: [[0.1, 3]],
  points: [[0], [-1], [1], [1e-40]],
})

/** `log(1 + x)`, exact near 0. */
export const log1p: Unary = unary('log1p', {
  precise: true,
  accepts: 'float',
  forward: (x) => x.log1p(),
  domain: [[-0.8, 3]],
  points: [[1e-7], [-1e-7], [-1], [-2]],
})

/** The logarithm to base 2. */
export const log2: Unary = unary('log2', {
  precise: true,
  accepts: 'float',
  forward: (x) => x.log().mul(Math.LOG2E),
  domain: [[0.1, 3]],
})

/** The logarithm to base 10. */
export const log10: Unary = unary('log10', {
  precise: true,
  accepts: 'float',
  forward: (x) => x.log().mul(Math.LOG10E),
  domain: [[0.1, 3]],
})

/** The sine of an angle in radians. */
export const sin: Unary = unary('sin', {
  accepts: 'float',
  forward: (x) => x.sin(),
  points: [[100]],
})

/** The cosine of an angle in radians. */
export const cos: Unary = unary('cos', {
  accepts: 'float',
  forward: (x) => x.cos(),
  points: [[100]],
})

/** The tangent of an angle in radians. */
export const tan: Unary = unary('tan', {
  precise: true,
  accepts: 'float',
  forward: (x) => x.sin().div(x.cos()),
  gradient: (g, y) => [g.mul(y.mul(y).add(1))],
  domain: [[-1.2, 1.2]],
})

/** An angle in degrees as radians: `π x / 180`. */
export const deg2rad: Unary = unary('deg2rad', {
  accepts: 'float',
  forward: (x) => x.mul(Math.PI / 180),
  points: [[180], [-90]],
})

/** The angle in [-π/2, π/2] whose sine is x. */
export const asin: Unary = unary('asin', {
  precise: true,
  accepts: 'float',
  forward: (x) => x.atan2(oneMinusSquare(x).sqrt()),
  gradient: (g, _, [x]) => [g.div(oneMinusSquare(x!).sqrt())],
  domain: [[-0.9, 0.9]],
  points: [[1], [-1], [1.5]],
})

/** The angle in [0, π] whose cosine is x. */
export const acos: Unary = unary('acos', {
  precise: true,
  accepts: 'float',
  forward: (x) => oneMinusSquare(x).sqrt().atan2(x),
  gradient: (g, _, [x]) => [g.div(oneMinusSquare(x!).sqrt()).neg()],
  domain: [[-0.9, 0.9]],
  points: [[1], [-1], [1.5]],
})

/** The angle in (-π/2, π/2) whose tangent is x. */
export const atan: Unary = unary('atan', {
  accepts: 'float',
  forward: (x) => x.atan2(1),
  gradient: (g, _, [x]) => [g.div(x!.mul(x!).add(1))],
  points: [[0], [1e10], [-1e10]],
})

/** `(1 - x)(1 + x)`: exact where x is near 1. */
const oneMinusSquare = (x: Scalar): Scalar => x.neg().add(1).mul(x.add(1))

/** `(eˣ - e⁻ˣ) / 2` */
export const sinh: Unary = unary('sinh', {
  precise: true,
  accepts: 'float',
  forward: (x) => hyperbolicSine(x),
  gradient: (g, _, [x]) => [g.mul(hyperbolicCosine(x!))],
  points: [[0], [1e-7]],
})

/** `(eˣ + e⁻ˣ) / 2` */
export const cosh: Unary = unary('cosh', {
  precise: true,
  accepts: 'float',
  forward: (x) => hyperbolicCosine(x),
  gradient: (g, _, [x]) => [g.mul(hyperbolicSine(x!))],
})

/** With u = e^|x| - 1: (u + u / (u + 1)) / 2, exact near 0; written so that an infinite u stays one. */
const hyperbolicSine = (x: Scalar): Scalar => {
  const u = x.abs().expm1()
  const rest = select(u.gt(1), one(x).sub(one(x).div(u.add(1))), u.div(u.add(1)))
  return u.add(rest).mul(0.5).mul(x.sign())
}

const hyperbolicCosine = (x: Scalar): Scalar => x.exp().add(x.neg().exp()).mul(0.5)

/** `(eˣ - e⁻ˣ) / (eˣ + e⁻ˣ)` */
export const tanh: Unary = unary('tanh', {
  accepts: 'float',
  forward: (x) => x.tanh(),
  gradient: (g, y) => [g.mul(y.mul(y).neg().add(1))],
  points: [[0], [1e-7], [20], [-20]],
})

/** The number whose sinh is x. */
export const asinh: Unary = unary('asinh', {
  accepts: 'float',
  // log(|x| + √(x²+1)) = log1p(|x| + x² / (1 + √(x²+1)))
  forward: (x) => {
    const a = x.abs()
    const s = a.mul(a)
    const near = a.add(s.div(s.add(1).sqrt().add(1))).log1p()
    return select(a.gt(LARGE), logOfTwice(a), near).mul(x.sign())
  },
  gradient: (g, _, [x]) => [g.div(x!.mul(x!).add(1).sqrt())],
  points: [[0], [1e-6], [1e20], [-1e20]],
})

/** The number ≥ 0 whose cosh is x; NaN below 1. */
export const acosh: Unary = unary('acosh', {
  accepts: 'float',
  // With t = x - 1: log1p(t + √(t (t + 2)))
  forward: (x) => {
    const t = x.sub(1)
    const near = t.add(t.sqrt().mul(t.add(2).sqrt())).log1p()
    return select(x.gt(LARGE), logOfTwice(x), near)
  },
  gradient: (g, _, [x]) => [g.div(x!.sub(1).mul(x!.add(1)).sqrt())],
  domain: [[1.1, 4]],
  points: [[0.5], [-1e20], [1e20]],
})

/** Above it 1 + x² is x² also in f64, and the square may overflow in f32. */
const LARGE = 2 ** 28

const logOfTwice = (x: Scalar): Scalar => x.log().add(Math.LN2)

/** The number whose tanh is x; infinite at ±1, NaN beyond. */
export const atanh: Unary = unary('atanh', {
  accepts: 'float',
  forward: (x) => x.log1p().sub(x.neg().log1p()).mul(0.5),
  gradient: (g, _, [x]) => [g.div(oneMinusSquare(x!))],
  domain: [[-0.9, 0.9]],
  points: [[1], [-1], [2]],
})

/** The error function `2/√π ∫₀ˣ exp(-t²) dt`. */
export const erf: Unary = unary('erf', {
  accepts: 'float',
  forward: (x) => x.erf(),
  points: [[0], [4], [-4]],
})

/** `max(x, 0)`; the gradient at 0 is 0, and NaN stays NaN. */
export const relu: Unary = unary('relu', {
  accepts: 'number',
  forward: (x) => select(x.le(0), 0, x),
  gradient: (g, y) => [select(y.le(0), 0, g)],
  points: [[0], [-0], [-1], [1]],
})

/** `1 / (1 + e⁻ˣ)` */
export const sigmoid: Unary = unary('sigmoid', {
  accepts: 'float',
  forward: logistic,
  gradient: (g, y) => [g.mul(y.mul(y.neg().add(1)))],
  points: [[0], [100], [-100]],
})

/** `log(sigmoid(x))`, finite for every finite x. */
export const logSigmoid: Unary = unary('logSigmoid', {
  accepts: 'float',
  forward: (x) => x.min(0).sub(x.abs().neg().exp().log1p()),
  gradient: (g, _, [x]) => [g.mul(logistic(x!.neg()))],
  points: [[0], [200], [-200]],
})

/** `log(1 + e^(βx)) / β`, linear above `threshold` (PyTorch's defaults: β 1, threshold 20). */
export const softplus: Elementwise<[x: Tensor, beta?: number, threshold?: number]> = elementwise(
  'softplus',
  {
    precise: true,
    accepts: 'float',
    defaults: [undefined, 1, 20],
    forward: (x, beta, threshold) => {
      const bx = x.mul(beta!)
      return select(bx.gt(threshold!), x, bx.max(0).add(bx.abs().neg().exp().log1p()).div(beta!))
    },
    gradient: (g, _, [x, beta, threshold]) => {
      const bx = x!.mul(beta!)
      return [select(bx.gt(threshold!), g, g.mul(logistic(bx))), undefined, undefined]
    },
    domain: [
      [-2, 2],
      [0.5, 2],
      [15, 20],
    ],
    points: [
      [0, 1, 20],
      [25, 1, 20],
      [-100, 1, 20],
    ],
  },
)

/** `x sigmoid(x)`, also known as swish. */
export const silu: Unary = unary('silu', {
  accepts: 'float',
  forward: (x) => x.mul(logistic(x)),
  gradient: (g, _, [x]) => {
    const s = logistic(x!)
    return [g.mul(s.mul(x!.mul(s.neg().add(1)).add(1)))]
  },
  points: [[0], [100], [-100]],
})

const normalCdf = (x: Scalar): Scalar => x.mul(Math.SQRT1_2).erf().add(1).mul(0.5)

/** `x Φ(x)` with the normal distribution's Φ (the exact form; PyTorch's `approximate='none'`). */
export const gelu: Unary = unary('gelu', {
  accepts: 'float',
  forward: (x) => x.mul(normalCdf(x)),
  gradient: (g, _, [x]) => {
    const density = x!
      .mul(x!)
      .mul(-0.5)
      .exp()
      .mul(1 / Math.sqrt(2 * Math.PI))
    return [g.mul(normalCdf(x!).add(x!.mul(density)))]
  },
  points: [[0], [10], [-10]],
})

/** `x` above 0, `slope x` below; the slope (0.01) may be a tensor that learns. */
export const leakyRelu: Elementwise<[x: Tensor, slope?: Operand]> = elementwise('leakyRelu', {
  accepts: 'float',
  defaults: [undefined, 0.01],
  forward: (x, slope) => select(x.gt(0), x, x.mul(slope!)),
  points: [
    [0, 0.1],
    [-1, 0.1],
    [1, 0.1],
  ],
})

/** `x` above 0, `α (eˣ - 1)` below; α is 1 by default. */
export const elu: Elementwise<[x: Tensor, alpha?: Operand]> = elementwise('elu', {
  accepts: 'float',
  defaults: [undefined, 1],
  forward: (x, alpha) => select(x.gt(0), x, alpha!.mul(x.expm1())),
  points: [
    [0, 1],
    [-1, 1],
    [-200, 1],
    [200, 1],
  ],
})

/** Whether x is NaN. */
export const isnan: Unary = unary('isnan', { forward: (x) => x.ne(x) })

/** Whether x is Infinity or -Infinity. */
export const isinf: Unary = unary('isinf', {
  accepts: 'float',
  forward: (x) => x.abs().eq(infinity),
})

/** Whether x is neither NaN nor infinite. */
export const isfinite: Unary = unary('isfinite', {
  accepts: 'float',
  forward: (x) => x.abs().lt(infinity),
})

/** Logical not of a bool, bitwise not of an integer. */
export const not: Unary = unary('not', { accepts: 'bits', forward: (x) => x.not() })
