/** Systems of equations, inverses and determinants, by LU factorization. */
import { record } from '../autograd.ts'
import { promote } from '../dtype.ts'
import { ShapeError, showShape } from '../errors.ts'
import { broadcastShapes, sameShape } from '../layout.ts'
import { scope } from '../memory.ts'
import { cast } from '../ops/cast.ts'
import { deviceOf } from '../ops/map.ts'
import { expand, transpose, unsqueeze } from '../ops/movement.ts'
import type { Tensor } from '../tensor.ts'
import { type Fail, matrices, onHost, squares } from './host.ts'
import { factor, type Lu, solveWith } from './lu.ts'

/** The factors of a matrix that must have an inverse. */
function regular(a: Float64Array, n: number, fail: Fail): Lu {
  const lu = factor(a, n)
  if (lu.singular >= 0) throw fail(`is singular: no pivot in column ${lu.singular}`)
  return lu
}

/** Both sides with one dtype and equal leading axes. */
export function alike(op: string, a: Tensor, b: Tensor): [Tensor, Tensor] {
  deviceOf(op, [a, b])
  const dtype = promote(a.dtype, b.dtype)
  const batch = broadcastShapes(op, a.shape.slice(0, -2), b.shape.slice(0, -2))
  const wide = (t: Tensor): Tensor => expand(cast(t, dtype), [...batch, ...t.shape.slice(-2)])
  return [wide(a), wide(b)]
}

/** Checks that B has as many rows as A. */
export function checkRows(op: string, a: Tensor, b: Tensor): void {
  if (a.shape.at(-2) !== b.shape.at(-2))
    throw new ShapeError(
      `${op}: ${showShape(a.shape)} and ${showShape(b.shape)}: ` +
        `${a.shape.at(-2)} equations, but ${b.shape.at(-2)} right-hand sides`,
    )
}

function solveMatrix(op: string, a: Tensor, b: Tensor): Tensor {
  const [n, columns] = b.shape.slice(-2) as [number, number]
  const [x] = onHost(op, [a, b], [[n, columns]], ([from, right], [to], fail) =>
    solveWith(regular(from!, n, fail), right!, to!, columns),
  )
  // A dX + dA X = dB
  return record(op, x!, [a, b], [a, x!], (g, [left, solution]) => {
    const gb = solveMatrix(`gradient of ${op}`, transpose(left!), g)
    return [gb.matmul(transpose(solution!)).neg(), gb]
  })
}

/**
 * The X with `A X = B`. A is `[..., n, n]`; B is `[..., n, k]`, or a vector `[..., n]` (one axis less
 * than A and otherwise the same sizes, or one axis). Leading axes broadcast. Better than
 * `matmul(inv(a), b)` in time and accuracy.
 *
 * LU with partial pivoting (Golub & Van Loan, 4th ed., section 3.4), on the host in float64. Its
 * gradient is one more system, with the transposed matrix.
 *
 * @throws ShapeError when A is not square or B has other rows.
 * @throws LinAlgError when a matrix is singular, or not finite.
 * @throws DeviceError on devices that cannot be read at once.
 * @example
 * ```ts
 * solve(tensor([[2, 0], [0, 4]]), tensor([2, 2]))   // [1, 0.5]
 * ```
 */
export function solve(a: Tensor, b: Tensor): Tensor {
  return scope(() => {
    const left = squares('solve', a)
    const vector = b.rank === 1 || sameShape(b.shape, a.shape.slice(0, -1))
    const right = matrices('solve', vector ? unsqueeze(b, -1) : b)
    checkRows('solve', left, right)
    const x = solveMatrix('solve', ...alike('solve', left, right))
    return vector ? x.squeeze(-1) : x
  })
}

function inverse(op: string, a: Tensor): Tensor {
  const n = a.shape.at(-1)!
  const [x] = onHost(op, [a], [[n, n]], ([from], [to], fail) => {
    const unit = new Float64Array(n * n)
    for (let i = 0; i < n; i++) unit[i * n + i] = 1
    solveWith(regular(from!, n, fail), unit, to!, n)
  })
  // dX = -X dA X
  return record(op, x!, [a], [x!], (g, [own]) => {
    const turned = transpose(own!)
    return [turned.matmul(g).matmul(turned).neg()]
  })
}

/**
 * The inverse of square matrices `[..., n, n]`. To apply an inverse once, {@link solve} is better.
 *
 * @throws LinAlgError when a matrix is singular, or not finite.
 * @throws DeviceError on devices that cannot be read at once.
 * @example
 * ```ts
 * inv(tensor([[2, 0], [0, 4]]))   // [[0.5, 0], [0, 0.25]]
 * ```
 */
export function inv(a: Tensor): Tensor {
  return inverse('inv', squares('inv', a))
}

/** `g`, one number for each matrix, times the transposed inverse. */
const timesInverse = (op: string, g: Tensor, a: Tensor): Tensor =>
  g.reshape([...g.shape, 1, 1]).mul(transpose(inverse(`gradient of ${op}`, a)))

/**
 * The determinants of square matrices: `[..., n, n]` gives `[...]`; 0 for a singular matrix, and 1
 * without rows. It overflows easily: see {@link slogdet}.
 *
 * The gradient is `det(A) A⁻ᵀ`; where A is singular it is not computed.
 *
 * @throws LinAlgError when a matrix is not finite; in the backward pass, when it is singular.
 * @throws DeviceError on devices that cannot be read at once.
 */
export function det(a: Tensor): Tensor {
  const from = squares('det', a)
  const n = from.shape.at(-1)!
  const [out] = onHost('det', [from], [[]], ([values], [to]) => {
    const { lu, odd } = factor(values!, n)
    to![0] = odd ? -1 : 1
    for (let i = 0; i < n; i++) to![0]! *= lu[i * n + i]!
  })
  return record('det', out!, [from], [from, out!], (g, [matrix, own]) => [
    timesInverse('det', g.mul(own!), matrix!),
  ])
}

/** A determinant as `sign · e^logabsdet`. */
export interface SignAndLog {
  /** 1, -1, or 0 for a singular matrix; has no gradient. */
  readonly sign: Tensor
  /** -Infinity for a singular matrix. */
  readonly logabsdet: Tensor
}

/**
 * The sign and the logarithm of the absolute value of determinants, which neither over- nor
 * underflow: `[..., n, n]` gives two tensors `[...]`. The gradient of the logarithm is `A⁻ᵀ`.
 *
 * @throws LinAlgError when a matrix is not finite; in the backward pass, when it is singular.
 * @throws DeviceError on devices that cannot be read at once.
 * @example
 * ```ts
 * const { logabsdet } = slogdet(covariance)   // for the density of a normal distribution
 * ```
 */
export function slogdet(a: Tensor): SignAndLog {
  const from = squares('slogdet', a)
  const n = from.shape.at(-1)!
  const [sign, logabsdet] = onHost('slogdet', [from], [[], []], ([values], [signs, logs]) => {
    const { lu, odd, singular } = factor(values!, n)
    let sign = odd ? -1 : 1
    for (let i = 0; i < n; i++) {
      const pivot = lu[i * n + i]!
      if (pivot < 0) sign = -sign
      logs![0]! += Math.log(Math.abs(pivot))
    }
    signs![0] = singular < 0 ? sign : 0
  })
  record('slogdet', logabsdet!, [from], [from], (g, [matrix]) => [
    timesInverse('slogdet', g, matrix!),
  ])
  return { sign: sign!, logabsdet: logabsdet! }
}
