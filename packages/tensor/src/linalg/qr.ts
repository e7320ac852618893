import { record } from '../autograd.ts'
import { scope } from '../memory.ts'
import { triu } from '../ops/arrange.ts'
import { concat } from '../ops/join.ts'
import { slice, transpose } from '../ops/movement.ts'
import type { Tensor } from '../tensor.ts'
import { matrices, onHost } from './host.ts'
import { mirrored, solveTriangle } from './triangular.ts'

/** `A = Q R`. */
export interface Qr {
  /** `[..., m, k]` with orthonormal columns, k = min(m, n). */
  readonly q: Tensor
  /** `[..., k, n]`, an upper triangle. */
  readonly r: Tensor
}

/** Applies `I - t v vᵀ` to columns `from` .. of `a`; v lies in rows `k` .. */
function reflect(
  a: Float64Array,
  columns: number,
  v: Float64Array,
  t: number,
  k: number,
  from: number,
): void {
  for (let j = from; j < columns; j++) {
    let along = 0
    for (let i = k; i < v.length; i++) along += v[i]! * a[i * columns + j]!
    along *= t
    for (let i = k; i < v.length; i++) a[i * columns + j]! -= along * v[i]!
  }
}

/**
 * Householder's method: reflections that clear one column after the other below the diagonal. `a`
 * (m by n, m >= n) becomes R, `q` (m by n) the first columns of the reflections' product. The signs
 * are LAPACK's (dgeqr2).
 *
 * Source: Golub & Van Loan, 4th ed., section 5.2.
 */
function householder(a: Float64Array, q: Float64Array, m: number, n: number): void {
  const reflections: { v: Float64Array; t: number }[] = []
  for (let k = 0; k < n; k++) {
    const v = new Float64Array(m)
    let below = 0
    for (let i = k + 1; i < m; i++) {
      v[i] = a[i * n + k]!
      below = Math.hypot(below, v[i]!)
    }
    const head = a[k * n + k]!
    // Nothing to clear: the reflection is left out.
    let t = 0
    if (below > 0) {
      const length = head > 0 ? -Math.hypot(head, below) : Math.hypot(head, below)
      for (let i = k + 1; i < m; i++) v[i]! /= head - length
      v[k] = 1
      t = (length - head) / length
      reflect(a, n, v, t, k, k)
    }
    reflections.push({ v, t })
  }
  for (let i = 0; i < n; i++) q[i * n + i] = 1
  for (let k = n - 1; k >= 0; k--) reflect(q, n, reflections[k]!.v, reflections[k]!.t, k, k)
}

/** The gradient of A from `c` and `M`: `(c + Q S) R⁻ᵀ`, S symmetric with the lower triangle of M. */
function backward(c: Tensor | undefined, m: Tensor, q: Tensor, r: Tensor): Tensor {
  const turned = q.matmul(mirrored(m))
  const sum = c ? c.add(turned) : turned
  const upper = { upper: true, unit: false }
  return transpose(solveTriangle('gradient of qr', r, transpose(sum), upper))
}

/** For matrices with no more columns than rows. */
function tall(a: Tensor): Qr {
  const [m, n] = a.shape.slice(-2) as [number, number]
  const [q, r] = onHost(
    'qr',
    [a],
    [
      [m, n],
      [n, n],
    ],
    ([values], [toQ, toR]) => {
      householder(values!, toQ!, m, n)
      for (let i = 0; i < n; i++) toR!.set(values!.subarray(i * n + i, (i + 1) * n), i * n + i)
    },
  )
  // Two outputs of one op are two nodes: the gradient is linear in both of theirs. Each writes the
  // other factor as a function of its own, so that it can be differentiated again.
  record('qr', q!, [a], [a, q!], (g, [from, own]) => {
    const triangle = triu(transpose(own!).matmul(from!))
    return [backward(g, transpose(g).matmul(own!).neg(), own!, triangle)]
  })
  record('qr', r!, [a], [q!, r!], (g, [factor, own]) => [
    backward(undefined, own!.matmul(transpose(g)), factor!, own!),
  ])
  return { q: q!, r: r! }
}

/**
 * The reduced QR factorization of matrices `[..., m, n]`: orthonormal columns times an upper triangle.
 * Signs are LAPACK's: R may have negative numbers on its diagonal.
 *
 * Householder reflections (Golub & Van Loan, 4th ed., section 5.2) on the host in float64. The
 * gradient is that of Walter & Lehmann, Algorithmic differentiation of linear algebra functions, 2018
 * (arXiv 1009.6112); it needs the first min(m, n) columns to be independent.
 *
 * @throws LinAlgError when a matrix is not finite; in the backward pass, when R is singular.
 * @throws DeviceError on devices that cannot be read at once.
 */
export function qr(a: Tensor): Qr {
  return scope(() => {
    const from = matrices('qr', a)
    const [m, n] = from.shape.slice(-2) as [number, number]
    if (m >= n) return tall(from)
    const lead = from.shape.slice(0, -1).map(() => null)
    const { q, r } = tall(slice(from, ...lead, { end: m }))
    const rest = transpose(q).matmul(slice(from, ...lead, { start: m }))
    return { q, r: concat([r, rest], -1) }
  })
}
