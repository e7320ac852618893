import { record } from '../autograd.ts'
import { transpose } from '../ops/movement.ts'
import type { Tensor } from '../tensor.ts'
import { onHost, squares } from './host.ts'
import { mirrored, solveTriangle } from './triangular.ts'

/** Writes L with `A = L Lᵀ`, row by row; gives the number of the row that has no root, or -1. */
function factorCholesky(a: Float64Array, l: Float64Array, n: number): number {
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let rest = a[i * n + j]!
      for (let k = 0; k < j; k++) rest -= l[i * n + k]! * l[j * n + k]!
      if (i === j && !(rest > 0)) return i
      l[i * n + j] = i === j ? Math.sqrt(rest) : rest / l[j * n + j]!
    }
  return -1
}

/**
 * The lower triangle L with `A = L Lᵀ`, for symmetric positive definite matrices `[..., n, n]`. Only
 * the lower triangle of A is read; its gradient is a symmetric matrix.
 *
 * The factorization is that of Golub & Van Loan, 4th ed., section 4.2; the gradient is
 * `½ L⁻ᵀ S L⁻¹`, where S is symmetric with the lower triangle of `Lᵀ g` (Murray, Differentiation of
 * the Cholesky decomposition, arXiv 1602.07527).
 *
 * @throws LinAlgError when a matrix is not positive definite, or not finite.
 * @throws DeviceError on devices that cannot be read at once.
 * @example
 * ```ts
 * const sample = cholesky(covariance).matmul(randn([n, 1]))
 * ```
 */
export function cholesky(a: Tensor): Tensor {
  const from = squares('cholesky', a)
  const n = from.shape.at(-1)!
  const [l] = onHost('cholesky', [from], [[n, n]], ([values], [to], fail) => {
    const row = factorCholesky(values!, to!, n)
    if (row >= 0) throw fail(`is not positive definite: its leading part of size ${row + 1} is not`)
  })
  return record('cholesky', l!, [from], [l!], (g, [own]) => {
    const turned = transpose(own!)
    const inner = mirrored(turned.matmul(g)).mul(0.5)
    const upper = { upper: true, unit: false }
    const half = solveTriangle('gradient of cholesky', turned, inner, upper)
    return [solveTriangle('gradient of cholesky', turned, transpose(half), upper)]
  })
}
