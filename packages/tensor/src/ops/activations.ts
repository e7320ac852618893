/** Activation functions beyond the common ones of `unary.ts`; names and defaults are PyTorch's. */
import { type Scalar, select } from '../program/scalar.ts'
import type { Tensor } from '../tensor.ts'
import { type Elementwise, elementwise, type Operand, type Unary, unary } from './elementwise.ts'
import { logistic } from './logistic.ts'

/** `min(max(x, 0), 6)`; flat on the bounds, as PyTorch. */
export const relu6: Unary = unary('relu6', {
  accepts: 'number',
  forward: (x) => select(x.le(0), 0, select(x.ge(6), 6, x)),
  domain: [[-2, 8]],
  points: [[0], [6], [-1], [7]],
})

/** x held between `low` (-1) and `high` (1); unlike `clamp`, flat on the bounds too. */
export const hardtanh: Elementwise<[x: Tensor, low?: Operand, high?: Operand]> = elementwise(
  'hardtanh',
  {
    accepts: 'number',
    defaults: [undefined, -1, 1],
    forward: (x, low, high) => select(x.le(low!), low!, select(x.ge(high!), high!, x)),
    domain: [
      [-2, 2],
      [-1, -0.5],
      [0.5, 1],
    ],
    points: [
      [-1, -1, 1],
      [1, -1, 1],
      [0, -1, 1],
    ],
  },
)

/** `x / 6 + 1/2`, held between 0 and 1. */
export const hardsigmoid: Unary = unary('hardsigmoid', {
  accepts: 'float',
  forward: (x) => select(x.le(-3), 0, select(x.ge(3), 1, x.add(3).div(6))),
  domain: [[-4, 4]],
  points: [[-3], [3], [0]],
})

/** `x hardsigmoid(x)` */
export const hardswish: Unary = unary('hardswish', {
  accepts: 'float',
  forward: (x) => select(x.lt(-3), 0, select(x.gt(3), x, x.mul(x.add(3)).div(6))),
  domain: [[-4, 4]],
  points: [[-3], [3], [0]],
})

/** 0 where `|x| ≤ λ`, else x; λ is 0.5 by default. */
export const hardshrink: Elementwise<[x: Tensor, lambda?: Operand]> = elementwise('hardshrink', {
  accepts: 'float',
  defaults: [undefined, 0.5],
  forward: (x, lambda) => select(x.abs().le(lambda!), 0, x),
  domain: [
    [-2, 2],
    [0.2, 1],
  ],
  points: [
    [0.5, 0.5],
    [-0.5, 0.5],
  ],
})

/** x moved towards 0 by λ (0.5), and 0 where `|x| ≤ λ`: the proximal map of `λ |x|`. */
export const softshrink: Elementwise<[x: Tensor, lambda?: Operand]> = elementwise('softshrink', {
  accepts: 'float',
  defaults: [undefined, 0.5],
  // The product keeps a NaN.
  forward: (x, lambda) =>
    select(x.gt(lambda!), x.sub(lambda!), select(x.lt(lambda!.neg()), x.add(lambda!), x.mul(0))),
  domain: [
    [-2, 2],
    [0.2, 1],
  ],
  points: [
    [0.5, 0.5],
    [-0.5, 0.5],
  ],
})

/** `x - tanh(x)` */
export const tanhshrink: Unary = unary('tanhshrink', {
  accepts: 'float',
  forward: (x) => x.sub(x.tanh()),
  gradient: (g, _, [x]) => {
    const t = x!.tanh()
    return [g.mul(t.mul(t))]
  },
  points: [[0], [30]],
})

/** `x / (1 + |x|)` */
export const softsign: Unary = unary('softsign', {
  accepts: 'float',
  forward: (x) => x.div(x.abs().add(1)),
  gradient: (g, _, [x]) => {
    const bottom = x!.abs().add(1)
    return [g.div(bottom.mul(bottom))]
  },
  points: [[0], [1e18]],
})

/** x above `threshold`, `value` elsewhere. */
export const threshold: Elementwise<[x: Tensor, threshold: Operand, value: Operand]> = elementwise(
  'threshold',
  {
    accepts: 'number',
    forward: (x, limit, value) => select(x.le(limit!), value!, x),
    points: [
      [1, 1, 2],
      [2, 1, 2],
    ],
  },
)

const exponential = (x: Scalar, alpha: Scalar): Scalar =>
  select(x.gt(0), x, alpha.mul(x.div(alpha).expm1()))

/** x above 0, `α (e^(x/α) - 1)` below: an ELU with slope 1 at 0 for every α (1). */
export const celu: Elementwise<[x: Tensor, alpha?: Operand]> = elementwise('celu', {
  accepts: 'float',
  defaults: [undefined, 1],
  forward: (x, alpha) => exponential(x, alpha!),
  domain: [
    [-2, 2],
    [0.5, 2],
  ],
  points: [
    [0, 1],
    [-100, 2],
    [100, 2],
  ],
})

/** `1.0507 elu(x, 1.6733)`: keeps mean 0 and variance 1 from layer to layer (Klambauer et al., 2017). */
export const selu: Unary = unary('selu', {
  accepts: 'float',
  forward: (x) => select(x.gt(0), x, x.expm1().mul(1.6732632423543772)).mul(1.0507009873554805),
  points: [[0], [-100], [100]],
})

/** The tanh of `softplus(x)`, from `e^-|x|` so that nothing overflows. */
const tanhSoftplus = (x: Scalar): Scalar => {
  const below = x.lt(0)
  const e = select(below, x, x.neg()).exp()
  const top = select(below, e.mul(e.add(2)), e.mul(2).add(1))
  return top.div(top.add(select(below, 2, e.mul(e).mul(2))))
}

/** `x tanh(log(1 + eˣ))` (Misra, 2019). */
export const mish: Unary = unary('mish', {
  accepts: 'float',
  forward: (x) => x.mul(tanhSoftplus(x)),
  gradient: (g, _, [x]) => {
    const t = tanhSoftplus(x!)
    return [g.mul(t.add(x!.mul(logistic(x!)).mul(t.mul(t).neg().add(1))))]
  },
  points: [[0], [100], [-100]],
})

/** `x / 2 (1 + tanh(√(2/π) (x + 0.044715 x³)))`: the approximation of `gelu` by Hendrycks and Gimpel (PyTorch's `approximate='tanh'`). */
export const geluTanh: Unary = unary('geluTanh', {
  accepts: 'float',
  // (1 + tanh u) / 2 is the logistic function of 2u, which stays accurate where tanh is near -1.
  forward: (x) =>
    x.mul(
      logistic(
        x
          .mul(x)
          .mul(0.044715)
          .add(1)
          .mul(x)
          .mul(2 * Math.sqrt(2 / Math.PI)),
      ),
    ),
  points: [[0], [10], [-10]],
})
