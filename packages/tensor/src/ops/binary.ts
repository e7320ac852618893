/** Elementwise ops of several operands, which broadcast; numbers take the dtype of the tensors. */
import type { DType } from '../dtype.ts'
import { constant, type Scalar, select } from '../program/scalar.ts'
import type { Tensor } from '../tensor.ts'
import { type Binary, binary, type Elementwise, elementwise, type Operand } from './elementwise.ts'
import { logistic } from './logistic.ts'

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
  precise: true,
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

/** `⌊x / y⌋`: rounded down, also for integers (Python's //). Flat. */
export const floorDivide: Binary = binary('floorDivide', {
  accepts: 'number',
  // Without its remainder x is a multiple of y, so that rounding cannot reach the next whole number.
  forward: (x, y) => {
    const rest = x.rem(y!)
    const whole = x.sub(rest).div(y!).round()
    const below = rest.ne(0).and(rest.lt(0).ne(y!.lt(0)))
    return select(y!.eq(0), x.div(y!).floor(), select(below, whole.sub(1), whole))
  },
  domain: [
    [0.6, 0.9],
    [0.25, 0.29],
  ],
  points: [
    [5, 3],
    [-5, 3],
    [5, -3],
    [-6, 3],
    [1, 0],
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

/** `log(eˣ + eʸ)` without overflow. */
export const logaddexp: Binary = binary('logaddexp', {
  accepts: 'float',
  forward: (x, y) => x.max(y!).add(distance(x, y!).abs().neg().exp().log1p()),
  gradient: (g, _, [x, y]) => {
    const d = distance(x!, y!)
    return [g.mul(logistic(d)), g.mul(logistic(d.neg()))]
  },
  points: [
    [0, 0],
    [1000, 1000],
    [1000, -1000],
    [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ],
})

/** `x - y`, and 0 for two equal infinities. */
const distance = (x: Scalar, y: Scalar): Scalar =>
  select(x.eq(y).and(x.abs().eq(Number.POSITIVE_INFINITY)), 0, x.sub(y))

/** `x log(y)`, and 0 where x is 0 (unless y is NaN). */
export const xlogy: Binary = binary('xlogy', {
  accepts: 'float',
  forward: (x, y) => select(x.eq(0).and(y!.eq(y!)), 0, x.mul(y!.log())),
  gradient: (g, _, [x, y]) => [
    select(x!.eq(0).and(y!.le(0)), 0, g.mul(y!.log())),
    g.mul(x!.div(y!)),
  ],
  domain: [
    [0.2, 2],
    [0.2, 2],
  ],
  points: [
    [0, 2],
    [1, 0],
    [2, 1],
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

/** A bool counts as 0 or 1. */
const word = (x: Scalar): Scalar => (x.dtype === 'bool' ? x.cast('i32') : x)

/** The bits of x moved to the left by y mod 32 places. */
export const bitwiseLeftShift: Binary = binary('bitwiseLeftShift', {
  accepts: 'bits',
  forward: (x, y) => word(x).shl(word(y!)),
})
/** The bits of x moved to the right by y mod 32 places; the sign of an i32 moves in from the left. */
export const bitwiseRightShift: Binary = binary('bitwiseRightShift', {
  accepts: 'bits',
  forward: (x, y) => word(x).shr(word(y!)),
})

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

/** From `start` (weight 0) to `end` (weight 1) on a straight line: `start + weight (end - start)`. */
export const lerp: Elementwise<[start: Tensor, end: Operand, weight: Operand]> = elementwise(
  'lerp',
  {
    accepts: 'float',
    // From the nearer end, so that weight 1 gives exactly `end`.
    forward: (start, end, weight) => {
      const way = end!.sub(start)
      const near = start.add(weight!.mul(way))
      const far = end!.sub(weight!.neg().add(1).mul(way))
      return select(weight!.abs().lt(0.5), near, far)
    },
    points: [
      [1, 2, 0],
      [1, 2, 1],
      [1, 2, 0.5],
    ],
  },
)

const largestOf: Partial<Record<DType, number>> = {
  f16: 65504,
  bf16: (2 - 2 ** -7) * 2 ** 127,
  f32: (2 - 2 ** -23) * 2 ** 127,
}

/** NaN becomes `nan` (0), the infinities `above` and `below` (the largest finite numbers by default). */
export const nanToNum: Elementwise<[x: Tensor, nan?: Operand, above?: Operand, below?: Operand]> =
  elementwise('nanToNum', {
    accepts: 'float',
    defaults: [undefined, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
    forward: (x, nan, above, below) => {
      const largest = constant(largestOf[x.dtype] ?? Number.MAX_VALUE, x.dtype)
      const finite = (value: Scalar) => value.min(largest).max(largest.neg())
      const tall = select(x.eq(Number.POSITIVE_INFINITY), finite(above!), x)
      const bounded = select(x.eq(Number.NEGATIVE_INFINITY), finite(below!), tall)
      return select(x.ne(x), nan!, bounded)
    },
    points: [
      [Number.NaN, 1, 2, 3],
      [Number.POSITIVE_INFINITY, 1, 2, 3],
      [Number.NEGATIVE_INFINITY, 1, 2, 3],
    ],
  })
