/**
 * Linear algebra, as torch.linalg: for matrices and stacks of them `[..., rows, columns]`, in f32 and
 * f64, with gradients of any order. Published as `@nablajs/tensor/linalg`.
 *
 * Everything is computed on the host in float64, so it needs a device that can be read at once.
 *
 * @packageDocumentation
 */
export { cholesky } from './cholesky.ts'
export { type Eigh, eigh, eigvalsh } from './eigh.ts'
export { LinAlgError } from './host.ts'
export {
  lstsq,
  type MatrixOrder,
  matrixNorm,
  matrixRank,
  pinv,
  type RankOptions,
} from './pinv.ts'
export { type Qr, qr } from './qr.ts'
export { det, inv, type SignAndLog, slogdet, solve } from './solve.ts'
export { type Svd, svd, svdvals } from './svd.ts'
export { type TriangularSolveOptions, triangularSolve } from './triangular.ts'
