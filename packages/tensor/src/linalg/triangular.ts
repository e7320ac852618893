/** Triangular matrices: systems, and what the gradients of factorizations need of them. */
import { record } from '../autograd.ts'
import { scope } from '../memory.ts'
import { tril, triu } from '../ops/arrange.ts'
import { transpose } from '../ops/movement.ts'
import type { Tensor } from '../tensor.ts'
import { matrices, onHost, squares } from './host.ts'
import { substitute, type Triangle } from './lu.ts'
import { alike, checkRows } from './solve.ts'

/** The symmetric matrix with the lower triangle of `x`. */
export const mirrored = (x: Tensor): Tensor => tril(x).add(transpose(tril(x, -1)))

/** {@link triangularSolve} for operands that fit, under the name of the op that needs it. */
export function solveTriangle(op: string, a: Tensor, b: Tensor, triangle: Triangle): Tensor {
  const [n, columns] = b.shape.slice(-2) as [number, number]
  const [x] = onHost(op, [a, b], [[n, columns]], ([from, right], [to], fail) => {
    for (let i = 0; i < n && !triangle.unit; i++)
      if (from![i * n + i] === 0) throw fail(`is singular: 0 at [${i}, ${i}] of the diagonal`)
    to!.set(right!)
    substitute(from!, to!, n, columns, triangle)
  })
  const { upper, unit } = triangle
  return record(op, x!, [a, b], [a, x!], (g, [left, solution], [needsA]) => {
    const gb = solveTriangle(`gradient of ${op}`, transpose(left!), g, { upper: !upper, unit })
    if (!needsA) return [undefined, gb]
    const ga = gb.matmul(transpose(solution!)).neg()
    return [upper ? triu(ga, unit ? 1 : 0) : tril(ga, unit ? -1 : 0), gb]
  })
}

export interface TriangularSolveOptions {
  /** Whether A is an upper triangle. Default false: a lower one. */
  upper?: boolean
  /** Whether the diagonal is taken to be ones. Default false. */
  unitriangular?: boolean
}

/**
 * The X with `A X = B` for triangular matrices A `[..., n, n]` and B `[..., n, k]`; leading axes
 * broadcast. The other triangle is never read, and gets no gradient. For `Aᵀ X = B` hand over
 * `a.transpose()` and the other `upper`.
 *
 * @throws LinAlgError when there is a 0 on a diagonal, or a matrix is not finite.
 * @throws DeviceError on devices that cannot be read at once.
 * @example
 * ```ts
 * const l = cholesky(a)
 * const y = triangularSolve(l, b)                                  // L Y = B
 * const x = triangularSolve(l.transpose(), y, { upper: true })     // Lᵀ X = Y, so that A X = B
 * ```
 */
export function triangularSolve(
  a: Tensor,
  b: Tensor,
  options: TriangularSolveOptions = {},
): Tensor {
  return scope(() => {
    const left = squares('triangularSolve', a)
    const right = matrices('triangularSolve', b)
    checkRows('triangularSolve', left, right)
    const { upper = false, unitriangular = false } = options
    const triangle = { upper, unit: unitriangular }
    return solveTriangle('triangularSolve', ...alike('triangularSolve', left, right), triangle)
  })
}
