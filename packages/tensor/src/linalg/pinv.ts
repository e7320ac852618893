/** What is read off singular values: pseudo-inverses, least squares, ranks and norms. */
import { noGrad, record } from '../autograd.ts'
import { ArgumentError } from '../errors.ts'
import { scope } from '../memory.ts'
import { slice, transpose, unsqueeze } from '../ops/movement.ts'
import { norm } from '../ops/norm.ts'
import { max, min, sum } from '../ops/reduce.ts'
import type { Tensor } from '../tensor.ts'
import { matrices } from './host.ts'
import { alike, checkRows } from './solve.ts'
import { decomposeAs, svdvals } from './svd.ts'

export interface RankOptions {
  /**
   * Singular values up to this part of the largest count as 0. Default: max(m, n) times the distance
   * from 1 to the next number of the dtype.
   */
  rtol?: number
}

/** Which singular values count. */
function above(s: Tensor, [m, n]: readonly [number, number], { rtol }: RankOptions): Tensor {
  const epsilon = s.dtype === 'f64' ? 2 ** -52 : 2 ** -23
  const part = rtol ?? Math.max(m, n) * epsilon
  return s.gt(slice(s, ...s.shape.slice(1).map(() => null), { end: 1 }).mul(part))
}

const sizesOf = (a: Tensor): [number, number] => a.shape.slice(-2) as [number, number]

function pseudo(op: string, a: Tensor, options: RankOptions): Tensor {
  const p = noGrad(() =>
    scope(() => {
      const { u, s, vh } = decomposeAs(op, a)
      if (s.size === 0) return transpose(a).zerosLike()
      const inverse = above(s, sizesOf(a), options).where(s.reciprocal(), 0)
      return transpose(vh).mul(unsqueeze(inverse, -2)).matmul(transpose(u))
    }),
  )
  // dP = -P dA P + P Pᵀ dAᵀ (I - A P) + (I - P A) dAᵀ Pᵀ P, while the rank stays.
  return record(op, p, [a], [a, p], (g, [from, own]) => {
    const [turned, gt] = [transpose(own!), transpose(g)]
    const right = gt.matmul(own!).matmul(turned)
    const left = turned.matmul(own!).matmul(gt)
    const beyond = right.sub(from!.matmul(own!.matmul(right)))
    const before = left.sub(left.matmul(own!).matmul(from!))
    return [beyond.add(before).sub(turned.matmul(g).matmul(turned))]
  })
}

/**
 * The pseudo-inverse of Moore and Penrose: `[..., m, n]` gives `[..., n, m]`. For a regular matrix it
 * is the inverse.
 *
 * The gradient (Golub & Pereyra, The differentiation of pseudo-inverses and nonlinear least squares
 * problems, 1973) is right while the rank stays the same; where the rank changes there is none.
 *
 * @throws LinAlgError when a matrix is not finite.
 * @throws DeviceError on devices that cannot be read at once.
 */
export function pinv(a: Tensor, options: RankOptions = {}): Tensor {
  return scope(() => pseudo('pinv', matrices('pinv', a), options))
}

/**
 * The X of least `‖A X - B‖`, and of several such the smallest: A `[..., m, n]` and B `[..., m, k]`
 * give `[..., n, k]`; leading axes broadcast. Computed as `pinv(A) B`, so A may have any rank.
 *
 * @throws ShapeError when B has other rows than A.
 * @throws LinAlgError when a matrix is not finite.
 * @throws DeviceError on devices that cannot be read at once.
 * @example
 * ```ts
 * const line = lstsq(stack([x, x.onesLike()], 1), y.unsqueeze(-1))   // slope and intercept
 * ```
 */
export function lstsq(a: Tensor, b: Tensor, options: RankOptions = {}): Tensor {
  return scope(() => {
    const [left, right] = [matrices('lstsq', a), matrices('lstsq', b)]
    checkRows('lstsq', left, right)
    const [from, to] = alike('lstsq', left, right)
    return pseudo('lstsq', from, options).matmul(to)
  })
}

/** The number of independent rows, `[...]` (i32): of the singular values that are not 0. */
export function matrixRank(a: Tensor, options: RankOptions = {}): Tensor {
  return noGrad(() =>
    scope(() => {
      const { s } = decomposeAs('matrixRank', a)
      return s.shape.at(-1) === 0 ? sum(s.cast('i32'), -1) : sum(above(s, sizesOf(a), options), -1)
    }),
  )
}

/**
 * `fro`: the root of the sum of squares. `nuc`: the sum of singular values. 2 and -2: the largest and
 * the smallest singular value. 1 and -1: the largest and the smallest sum of absolute values of a
 * column; Infinity and -Infinity, of a row.
 */
export type MatrixOrder = 'fro' | 'nuc' | number

/**
 * Norms of matrices: `[..., m, n]` gives `[...]`. (Norms of vectors: `norm`.)
 *
 * @param order Default `'fro'`; see {@link MatrixOrder}.
 * @throws ArgumentError for another order.
 */
export function matrixNorm(a: Tensor, order: MatrixOrder = 'fro'): Tensor {
  return scope(() => {
    const from = matrices('matrixNorm', a)
    if (order === 'fro') return norm(from, 2, [-2, -1])
    if (order === 'nuc') return sum(svdvals(from), -1)
    const extremum = order > 0 ? max : min
    const size = Math.abs(order)
    if (size === 2) return extremum(svdvals(from), -1)
    if (size === 1 || size === Number.POSITIVE_INFINITY)
      return extremum(sum(from.abs(), size === 1 ? -2 : -1), -1)
    throw new ArgumentError(
      `matrixNorm: the order is ${order}; it may be 'fro', 'nuc', 1, 2, Infinity, or one of these negated`,
    )
  })
}
