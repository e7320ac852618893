/** Singular values and vectors. */
import { record } from '../autograd.ts'
import { scope } from '../memory.ts'
import { transpose, unsqueeze } from '../ops/movement.ts'
import { norm } from '../ops/norm.ts'
import type { Tensor } from '../tensor.ts'
import { inverseGaps } from './eigh.ts'
import { matrices, onHost } from './host.ts'
import { rotation, SWEEPS, turn } from './jacobi.ts'

/** `A = U diag(s) Vᵀ`, with k = min(m, n). */
export interface Svd {
  /** `[..., m, k]` with orthonormal columns. */
  readonly u: Tensor
  /** `[..., k]`, not negative, in descending order. */
  readonly s: Tensor
  /** Vᵀ, `[..., k, n]` with orthonormal rows. */
  readonly vh: Tensor
}

function inner(a: Float64Array, x: number, y: number, count: number): number {
  let sum = 0
  for (let k = 0; k < count; k++) sum += a[x + k]! * a[y + k]!
  return sum
}

/**
 * Hestenes' one-sided Jacobi method: the `n` rows of `w` (of length `m`) are turned by pairs until
 * all are orthogonal, and the rows of `v` with them. Then their lengths are the singular values.
 *
 * Source: Golub & Van Loan, 4th ed., section 8.6.4; Demmel & Veselić, Jacobi's method is more accurate
 * than QR, 1992.
 */
function orthogonalize(w: Float64Array, v: Float64Array, n: number, m: number): void {
  const tolerance = Number.EPSILON * Math.sqrt(m)
  // Rows this short are rounding of the longer ones: to turn them would go on for ever.
  const noise = tolerance * Math.sqrt(inner(w, 0, 0, w.length))
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let turned = false
    for (let p = 0; p < n - 1; p++)
      for (let q = p + 1; q < n; q++) {
        const left = inner(w, p * m, p * m, m)
        const right = inner(w, q * m, q * m, m)
        const beside = inner(w, p * m, q * m, m)
        const [long, short] = [Math.sqrt(left), Math.sqrt(right)]
        if (Math.abs(beside) <= tolerance * long * short || Math.max(long, short) <= noise) continue
        turned = true
        const cs = rotation(left, right, beside)
        turn(w, p * m, q * m, m, cs)
        turn(v, p * n, q * n, n, cs)
      }
    if (!turned) return
  }
}

/**
 * Makes row `at` of `rows` a unit vector orthogonal to those before it, from the first axis that still
 * has a part outside of them, by Gram and Schmidt's method, twice. Looks from `axis` on, and returns
 * where the next row may go on: what an axis has outside only shrinks.
 */
function complete(rows: Float64Array, at: number, m: number, axis: number): number {
  for (; axis < m; axis++) {
    const own = rows.subarray(at * m, (at + 1) * m).fill(0)
    own[axis] = 1
    for (let pass = 0; pass < 2; pass++)
      for (let k = 0; k < at; k++) {
        const along = inner(rows, at * m, k * m, m)
        for (let i = 0; i < m; i++) own[i]! -= along * rows[k * m + i]!
      }
    const length = Math.sqrt(inner(rows, at * m, at * m, m))
    // The squares of all axes add up to m - at, so one of them has at least 1 / m.
    if (length * length * m < 0.5) continue
    for (let i = 0; i < m; i++) own[i]! /= length
    break
  }
  return axis
}

/** For m >= n: writes U (m by n), s and Vᵀ (n by n). */
function decompose(
  a: Float64Array,
  [u, s, vh]: readonly [Float64Array, Float64Array, Float64Array],
  m: number,
  n: number,
): void {
  // Scaled to 1, so that no square over- or underflows.
  const scale = a.reduce((most, x) => Math.max(most, Math.abs(x)), 0) || 1
  const w = new Float64Array(n * m)
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) w[j * m + i] = a[i * n + j]! / scale
  const v = new Float64Array(n * n)
  for (let j = 0; j < n; j++) v[j * n + j] = 1
  orthogonalize(w, v, n, m)
  const lengths = Float64Array.from({ length: n }, (_, j) => Math.sqrt(inner(w, j * m, j * m, m)))
  const order = [...lengths.keys()].sort((i, j) => lengths[j]! - lengths[i]!)
  const columns = new Float64Array(n * m)
  let axis = 0
  order.forEach((from, to) => {
    const length = lengths[from]!
    s[to] = length * scale
    vh.set(v.subarray(from * n, (from + 1) * n), to * n)
    // What is left of a dependent column is rounding, and has no direction.
    if (length > m * Number.EPSILON * lengths[order[0]!]!)
      for (let i = 0; i < m; i++) columns[to * m + i] = w[from * m + i]! / length
    else axis = complete(columns, to, m, axis)
  })
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) u[i * n + j] = columns[j * m + i]!
}

/** For matrices with no more columns than rows. */
function tall(op: string, a: Tensor): Svd {
  const [m, n] = a.shape.slice(-2) as [number, number]
  const shapes = [[m, n], [n], [n, n]]
  const [u, s, vh] = onHost(op, [a], shapes, ([values], [toU, toS, toV]) =>
    decompose(values!, [toU!, toS!, toV!], m, n),
  )
  // Every output is a node of its own, and each may only use those before it: U by itself (Aᵀ U is
  // V with columns of length s), V as a function of A and U, s from U and V.
  record(op, u!, [a], [a, u!], (g, [from, own]) => {
    const scaled = transpose(own!).matmul(from!)
    const lengths = norm(scaled, 2, -1, { keepdim: true })
    const vt = scaled.div(lengths)
    const along = transpose(own!).matmul(g)
    const inside = inverseGaps(lengths.squeeze(-1).square()).mul(along)
    const first = own!.matmul(inside.add(transpose(inside))).matmul(scaled)
    if (m === n) return [first]
    return [first.add(g.sub(own!.matmul(along)).matmul(vt.div(lengths)))]
  })
  record(op, vh!, [a, u!], [a, u!, vh!], (g, [from, left, own]) => {
    const lengths = norm(transpose(left!).matmul(from!), 2, -1, { keepdim: true })
    const across = g.sub(own!.mul(g.mul(own!).sum(-1, { keepdim: true }))).div(lengths)
    return [left!.matmul(across), from!.matmul(transpose(across))]
  })
  record(op, s!, [a], [u!, vh!], (g, [left, right]) => [left!.mul(unsqueeze(g, -2)).matmul(right!)])
  return { u: u!, s: s!, vh: vh! }
}

/** The decomposition under the name of the op that needs it. */
export function decomposeAs(op: string, a: Tensor): Svd {
  const from = matrices(op, a)
  const [m, n] = from.shape.slice(-2) as [number, number]
  if (m >= n) return tall(op, from)
  const { u, s, vh } = tall(op, transpose(from))
  return { u: transpose(vh), s, vh: transpose(u) }
}

/**
 * The reduced singular value decomposition of matrices `[..., m, n]`. The sign of each pair of
 * vectors is arbitrary, and so is the choice of vectors for equal values.
 *
 * One-sided Jacobi rotations (Golub & Van Loan, 4th ed., section 8.6.4) on the host in float64,
 * meant for matrices of up to a few hundred columns.
 *
 * The gradient through the values always exists: `U diag(g) Vᵀ`. That through the vectors needs
 * singular values that are different and not 0 (Giles, An extended collection of matrix derivative
 * results, 2008), and means something only for a result that does not depend on signs.
 *
 * @throws LinAlgError when a matrix is not finite.
 * @throws DeviceError on devices that cannot be read at once.
 * @example
 * ```ts
 * const { u, s, vh } = svd(weights)
 * const rank8 = u.slice(null, { end: 8 }).mul(s.slice({ end: 8 })).matmul(vh.slice({ end: 8 }))
 * ```
 */
export function svd(a: Tensor): Svd {
  return scope(() => decomposeAs('svd', a))
}

/** The singular values `[..., min(m, n)]`, in descending order; see {@link svd}. */
export function svdvals(a: Tensor): Tensor {
  return scope(() => decomposeAs('svdvals', a).s)
}
