import { constant, type Scalar, select } from '../program/scalar.ts'

/**
 * `1 / (1 + e⁻ˣ)`. `e^-|x|` never overflows: 1 / (1 + e) for x ≥ 0 and e / (1 + e) below. With
 * `abs` instead of the first `select`, derivatives at 0 would be lost.
 */
export const logistic = (x: Scalar): Scalar => {
  const below = x.lt(0)
  const e = select(below, x, x.neg()).exp()
  return select(below, e, constant(1, x.dtype)).div(e.add(1))
}
