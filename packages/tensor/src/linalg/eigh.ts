/** Eigenvalues and eigenvectors of symmetric matrices. */
import { record } from '../autograd.ts'
import { scope } from '../memory.ts'
import { eye } from '../ops/create.ts'
import { diagonal } from '../ops/diagonal.ts'
import { transpose, unsqueeze } from '../ops/movement.ts'
import type { Tensor } from '../tensor.ts'
import { onHost, squares } from './host.ts'
import { rotation, SWEEPS, turn } from './jacobi.ts'
import { mirrored } from './triangular.ts'

/** `A = V diag(λ) Vᵀ`. */
export interface Eigh {
  /** λ, `[..., n]`, in ascending order. */
  readonly values: Tensor
  /** V, `[..., n, n]`: column i belongs to value i. Orthogonal. */
  readonly vectors: Tensor
}

/**
 * Jacobi's cyclic method: rotations that clear one pair of elements after the other, until what is
 * left beside the diagonal is rounding. Leaves the eigenvalues on the diagonal of `a`, and the
 * vectors as the rows of `v`.
 *
 * Source: Golub & Van Loan, 4th ed., section 8.5; Rutishauser, The Jacobi method for real symmetric
 * matrices, 1966.
 */
function jacobi(a: Float64Array, v: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) v[i * n + i] = 1
  // Smaller elements are rounding of the larger ones: to turn them would go on for ever.
  const least = Number.EPSILON * a.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let turned = false
    for (let p = 0; p < n - 1; p++)
      for (let q = p + 1; q < n; q++) {
        const [left, right, beside] = [a[p * n + p]!, a[q * n + q]!, a[p * n + q]!]
        // Too small to change either eigenvalue, or the matrix.
        if (Math.abs(beside) <= 2 ** -56 * (Math.abs(left) + Math.abs(right)) + least) continue
        turned = true
        const cs = rotation(left, right, beside)
        const [c, s] = cs
        turn(a, p * n, q * n, n, cs)
        for (let k = 0; k < n; k++) {
          const [x, y] = [a[k * n + p]!, a[k * n + q]!]
          a[k * n + p] = c * x - s * y
          a[k * n + q] = s * x + c * y
        }
        turn(v, p * n, q * n, n, cs)
      }
    if (!turned) return
  }
}

/** Writes the values in ascending order and the vectors as columns. */
function decompose(a: Float64Array, values: Float64Array, vectors: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) a[j * n + i] = a[i * n + j]!
  const rows = new Float64Array(n * n)
  jacobi(a, rows, n)
  const order = [...new Array(n).keys()].sort((i, j) => a[i * n + i]! - a[j * n + j]!)
  order.forEach((from, to) => {
    values[to] = a[from * n + from]!
    for (let k = 0; k < n; k++) vectors[k * n + to] = rows[from * n + k]!
  })
}

/** `1 / (λⱼ - λᵢ)`, and 0 on the diagonal. */
export function inverseGaps(values: Tensor): Tensor {
  const n = values.shape.at(-1)!
  const unit = eye(n, n, { dtype: values.dtype, device: values.device })
  return unsqueeze(values, -2).sub(unsqueeze(values, -1)).add(unit).reciprocal().sub(unit)
}

/**
 * Eigenvalues and eigenvectors of symmetric matrices `[..., n, n]`. Only the lower triangle is read;
 * the gradient is a symmetric matrix. The sign of a vector is arbitrary, and so is the choice of
 * vectors for equal eigenvalues.
 *
 * Jacobi's method (Golub & Van Loan, 4th ed., section 8.5) on the host in float64, meant for
 * matrices of up to a few hundred rows.
 *
 * The gradient through the values always exists: `V diag(g) Vᵀ`. That through the vectors divides by
 * the differences of eigenvalues (Giles, An extended collection of matrix derivative results, 2008);
 * it is NaN or infinite where two are equal, and means something only for a result that does not
 * depend on the signs of the vectors.
 *
 * @throws LinAlgError when a matrix is not finite.
 * @throws DeviceError on devices that cannot be read at once.
 * @example
 * ```ts
 * const { values, vectors } = eigh(tensor([[2, 1], [1, 2]]))   // values [1, 3]
 * ```
 */
export function eigh(a: Tensor): Eigh {
  const from = squares('eigh', a)
  const n = from.shape.at(-1)!
  const [values, vectors] = onHost(
    'eigh',
    [from],
    [[n], [n, n]],
    ([matrix], [toValues, toVectors]) => decompose(matrix!, toValues!, toVectors!, n),
  )
  // The values are written as a function of the vectors, so that this can be differentiated again.
  record('eigh', vectors!, [from], [from, vectors!], (g, [matrix, v]) => {
    const turned = transpose(v!)
    const own = diagonal(turned.matmul(mirrored(matrix!)).matmul(v!), 0, -2, -1)
    const inner = inverseGaps(own).mul(turned.matmul(g))
    return [v!.matmul(inner.add(transpose(inner)).mul(0.5)).matmul(turned)]
  })
  record('eigh', values!, [from], [vectors!], (g, [v]) => [
    v!.mul(unsqueeze(g, -2)).matmul(transpose(v!)),
  ])
  return { values: values!, vectors: vectors! }
}

/** The eigenvalues of symmetric matrices, in ascending order; see {@link eigh}. */
export function eigvalsh(a: Tensor): Tensor {
  return scope(() => eigh(a).values)
}
