/** Elementwise ops of several operands, which broadcast; numbers take the dtype of the tensors. */
import { select } from '../program/scalar.ts'
import type { Tensor } from '../tensor.ts'
import { type Binary, binary, type Elementwise, elementwise, type Operand } from './elementwise.ts'

/** `x + y` */
export const add: Binary = binary('add', { accepts: 'number', forward: (x, y) => x.add(y!) })

/** `x - y` */
export const sub: Binary = binary('sub', { accepts: 'number', forward: (x, y) => x.sub(y!) })

/** `x y`, element by element. */
export const mul: Binary = binary('mul', { accepts: 'number', forward: (x, y) => x.mul(y!) })

/** `x / y`; of integers as floats. */
export const div: Binary = binary('div', {
  accepts: 'float',
  forward: (x, y) => x.div(y!),
  domain: [
    [-2, 2],
    [0.5, 2],
  ],
  points: [
    [1, 0],
    [-1, 0],
    [0, 0],
    [1, Number.POSITIVE_INFINITY],
  ],
})

/** `xʸ`; the gradient for x is 0 where y is 0, and that for y is 0 where x is 0. */
export const pow: Binary = binary('pow', {
  accepts: 'float',
  forward: (x, y) => x.pow(y!),
  domain: [
    [0.2, 2],
    [-2, 2],
  ],
  points: [
    [0, 0],
    [0, 2],
    [-2, 2],
    [-2, 3],
    [-8, 1 / 3],
    [2, -1],
    [0, -1],
  ],
})

/** The remainder with the sign of the divisor (Python's %, PyTorch's `remainder`). */
export const remainder: Binary = binary('remainder', {
  accepts: 'number',
  forward: (x, y) => {
    const rest = x.rem(y!)
    return select(rest.ne(0).and(rest.lt(0).ne(y!.lt(0))), rest.add(y!), rest)
  },
  domain: [
    [0.6, 0.9],
    [0.25, 0.29],
  ],
  points: [
    [5, 3],
    [-5, 3],
    [5, -3],
    [-5, -3],
  ],
})

/** The remainder with the sign of the dividend (C's fmod). */
export const fmod: Binary = binary('fmod', {
  accepts: 'number',
  forward: (x, y) => x.rem(y!),
  domain: [
    [0.6, 0.9],
    [0.25, 0.29],
  ],
  points: [
    [5, 3],
    [-5, 3],
    [5, -3],
    [-5, -3],
  ],
})

/** The larger of two, NaN if either is; at a tie each gets half of the gradient. */
export const maximum: Binary = binary('maximum', {
  accepts: 'number',
  forward: (x, y) => x.max(y!),
  points: [
    [1, 1],
    [0, 1],
    [1, 0],
  ],
})

/** The smaller of two, NaN if either is; at a tie each gets half of the gradient. */
export const minimum: Binary = binary('minimum', {
  accepts: 'number',
  forward: (x, y) => x.min(y!),
  points: [
    [1, 1],
    [0, 1],
    [1, 0],
  ],
})

/** The angle in (-π, π] of the point (y, x) of the plane, in radians: `atan2(ordinate, abscissa)`. */
export const atan2: Binary = binary('atan2', {
  accepts: 'float',
  forward: (y, x) => y.atan2(x!),
  domain: [[0.2, 2]],
  points: [
    [0, 0],
    [0, -1],
    [-0, -1],
    [1, 0],
    [-1, 0],
  ],
})

/** `√(x² + y²)` without overflow or underflow. */
export const hypot: Binary = binary('hypot', {
  accepts: 'float',
  forward: (x, y) => {
    const [a, b] = [x.abs(), y!.abs()]
    const [large, small] = [a.max(b), a.min(b)]
    const ratio = select(large.eq(0), 0, small.div(large))
    return select(
      large.eq(Number.POSITIVE_INFINITY),
      large,
      large.mul(ratio.mul(ratio).add(1).sqrt()),
    )
  },
  gradient: (g, r, [x, y]) => [
    select(r.eq(0), 0, g.mul(x!.div(r))),
    select(r.eq(0), 0, g.mul(y!.div(r))),
  ],
  domain: [[0.3, 2]],
  points: [
    [0, 0],
    [3, 4],
    [1e30, 1e30],
    [1e-30, 1e-30],
  ],
})

/** Whether x and y are equal; NaN equals nothing. */
export const eq: Binary = binary('eq', { forward: (x, y) => x.eq(y!), points: [[1, 1]] })
/** Whether x and y differ. */
export const ne: Binary = binary('ne', { forward: (x, y) => x.ne(y!), points: [[1, 1]] })
/** Whether `x < y`. */
export const lt: Binary = binary('lt', {
  accepts: 'number',
  forward: (x, y) => x.lt(y!),
  points: [[1, 1]],
})
/** Whether `x ≤ y`. */
export const le: Binary = binary('le', {
  accepts: 'number',
  forward: (x, y) => x.le(y!),
  points: [[1, 1]],
})
/** Whether `x > y`. */
export const gt: Binary = binary('gt', {
  accepts: 'number',
  forward: (x, y) => x.gt(y!),
  points: [[1, 1]],
})
/** Whether `x ≥ y`. */
export const ge: Binary = binary('ge', {
  accepts: 'number',
  forward: (x, y) => x.ge(y!),
  points: [[1, 1]],
})

/** Logical and of bools, bitwise and of integers. */
export const and: Binary = binary('and', { accepts: 'bits', forward: (x, y) => x.and(y!) })
/** Logical or of bools, bitwise or of integers. */
export const or: Binary = binary('or', { accepts: 'bits', forward: (x, y) => x.or(y!) })
/** Exclusive or of bools or of the bits of integers. */
export const xor: Binary = binary('xor', { accepts: 'bits', forward: (x, y) => x.xor(y!) })

/** `condition ? x : y`, element by element; what is not taken gets no gradient, not even NaN. */
export const where: Elementwise<[condition: Tensor, x: Operand, y: Operand]> = elementwise(
  'where',
  {
    conditions: [0],
    forward: (condition, x, y) => select(condition, x!, y!),
    points: [
      [0, 1, 2],
      [1, 1, 2],
    ],
  },
)

/** x held between `low` and `high`; the gradient passes inside and on the bounds. */
export const clamp: Elementwise<[x: Tensor, low?: Operand, high?: Operand]> = elementwise('clamp', {
  accepts: 'number',
  defaults: [undefined, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  forward: (x, low, high) => x.max(low!).min(high!),
  gradient: (g, _, [x, low, high]) => {
    const below = x!.lt(low!)
    const above = x!.gt(high!)
    return [select(below.or(above), 0, g), select(below, g, 0), select(above, g, 0)]
  },
  domain: [
    [-2, 2],
    [-1, -0.5],
    [0.5, 1],
  ],
  points: [
    [-1, -1, 1],
    [1, -1, 1],
    [0, -1, 1],
    [5, -1, 1],
  ],
})
