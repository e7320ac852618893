import {
  ArgumentError,
  assign,
  type Generator,
  noGrad,
  norm,
  randn,
  scope,
  type Tensor,
} from '@nablajs/tensor'
import { buffer } from '../state.ts'
import type { AnyModule } from '../tree.ts'
import { axisFromTorch, parameterOf, parametrize } from './parametrize.ts'

const unitLength = (x: Tensor, eps: number): Tensor => x.div(norm(x).maximum(eps))

/** The weight as a matrix with a row for each index of an axis. */
function rowsOf(weight: Tensor, axis: number): Tensor {
  const axes = Array.from({ length: weight.rank }, (_, i) => i).filter((i) => i !== axis)
  return weight.permute([axis, ...axes]).reshape([weight.shape[axis]!, -1])
}

export interface SpectralNormalizeOptions {
  /** How often to improve the vectors; 0 leaves them. Default 1. */
  nPowerIterations?: number
  /** The least length that is divided by. Default 1e-12. */
  eps?: number
  /** The axis of outputs, whose indices are the rows of the matrix. Default 0. */
  axis?: number
}

/** The weight, divided, and the vectors that went into it. */
export interface SpectralNormalized {
  readonly weight: Tensor
  readonly u: Tensor
  readonly v: Tensor
}

/**
 * Divides a weight W by an estimate of its largest singular value, `σ = uᵀ W v`. u and v come from
 * power iteration, `v = Wᵀ u / |Wᵀ u|` and `u = W v / |W v|`, and are constants to the gradient.
 *
 * @param u The left vector so far, `[rows]`.
 * @param v The right vector so far; only read when there is no iteration.
 */
export function spectralNormalize(
  weight: Tensor,
  u: Tensor,
  v?: Tensor,
  options: SpectralNormalizeOptions = {},
): SpectralNormalized {
  const { nPowerIterations = 1, eps = 1e-12, axis = 0 } = options
  if (!Number.isInteger(nPowerIterations) || nPowerIterations < (v ? 0 : 1))
    throw new ArgumentError(
      `spectralNormalize: nPowerIterations is ${nPowerIterations}; it must be a whole number >= ${v ? 0 : 1}`,
    )
  return scope(() => {
    const matrix = rowsOf(weight, axis)
    const vectors = noGrad(() => {
      let [left, right] = [u.detach(), v?.detach()]
      for (let i = 0; i < nPowerIterations; i++) {
        right = unitLength(left.matmul(matrix), eps)
        left = unitLength(matrix.matmul(right), eps)
      }
      return { u: left, v: right! }
    })
    const sigma = matrix.matmul(vectors.v).mul(vectors.u).sum()
    return { weight: weight.div(sigma).cast(weight.dtype), ...vectors }
  })
}

export interface SpectralNormOptions {
  /** The field of the parameter. Default `'weight'`. */
  name?: string
  /** How often the vectors are improved in each call while training. Default 1. */
  nPowerIterations?: number
  /** The least length that is divided by. Default 1e-12. */
  eps?: number
  /** The axis of outputs, counted in PyTorch's layout. Default 0. */
  dim?: number
  /** What draws the first vectors. Default: the shared one. */
  generator?: Generator
}

/**
 * Keeps the largest singular value of a weight at 1, so that the layer stretches nothing: for the
 * discriminators of GANs. The state dict has `weight_orig`, `weight_u` and `weight_v`, as PyTorch's
 * `nn.utils.spectral_norm`. Miyato et al.: "Spectral Normalization for GANs", arXiv 1802.05957.
 *
 * Give the module to the optimizer afterwards: its parameters have other names now.
 *
 * @throws ArgumentError when the module has no such parameter, or it has no such axis.
 * @example
 * ```ts
 * const layer = spectralNorm(new Conv2d(3, 64, 3))
 * ```
 */
export function spectralNorm<M extends AnyModule>(module: M, options: SpectralNormOptions = {}): M {
  const { name = 'weight', nPowerIterations = 1, eps = 1e-12, dim = 0, generator } = options
  const weight = parameterOf('spectralNorm', module, name)
  const axis = axisFromTorch('spectralNorm', module, name, dim)
  const { dtype, device, shape, size } = weight
  const draw = (length: number): Tensor =>
    buffer(
      scope(() => {
        const like = { dtype, device, ...(generator && { generator }) }
        return unitLength(randn([length], like), eps)
      }),
    )
  const rows = shape[axis]!
  const parts = {
    [`${name}Orig`]: weight,
    [`${name}U`]: draw(rows),
    [`${name}V`]: draw(size / rows),
  }
  return parametrize(module, name, parts, [`${name}_orig`], () => {
    const own = module as unknown as Record<string, Tensor>
    const [u, v] = [own[`${name}U`]!, own[`${name}V`]!]
    const iterations = module.training ? nPowerIterations : 0
    const next = spectralNormalize(own[`${name}Orig`]!, u, v, {
      nPowerIterations: iterations,
      eps,
      axis,
    })
    if (iterations > 0)
      noGrad(() => {
        // The gradient still needs the vectors of this call: those are new ones, not the buffers.
        assign(u, next.u.cast(u.dtype))
        assign(v, next.v.cast(v.dtype))
      })
    return next.weight
  })
}
