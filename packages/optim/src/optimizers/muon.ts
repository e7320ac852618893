import { assign, scope, type Tensor } from '@nablajs/tensor'
import type { ParametersInput, Work } from '../optimizer.ts'
import { nonNegative, oneOf, rate } from '../ranges.ts'
import { TensorOptimizer } from '../tensor-optimizer.ts'
import type { Declaration, Initial } from '../transform.ts'

export interface MuonOptions {
  /** Learning rate γ. Default 1e-3. */
  lr: number
  /** λ, decoupled. Default 0.1. */
  weightDecay: number
  /** μ, the decay rate of the average, in [0, 1). Default 0.95. */
  momentum: number
  /** Step along the average's look-ahead. Default true. */
  nesterov: boolean
  /** a, b, c of the iteration. Default [3.4445, -4.775, 2.0315]. */
  nsCoefficients: readonly [number, number, number]
  /** ε, keeps the norm from 0. Default 1e-7. */
  eps: number
  /** How many iterations. Default 5. */
  nsSteps: number
  /**
   * How γ is fitted to a matrix of A rows and B columns: `original` takes γ √max(1, A/B),
   * `match_rms_adamw` takes 0.2γ √max(A, B), so that AdamW's rates can be kept. Default null: `original`.
   */
  adjustLrFn: 'original' | 'match_rms_adamw' | null
}

const muon: Declaration<MuonOptions> = {
  name: 'Muon',
  defaults: {
    lr: 1e-3,
    weightDecay: 0.1,
    momentum: 0.95,
    nesterov: true,
    nsCoefficients: [3.4445, -4.775, 2.0315],
    eps: 1e-7,
    nsSteps: 5,
    adjustLrFn: null,
  },
  ranges: [
    nonNegative('lr'),
    nonNegative('weightDecay'),
    rate('momentum'),
    {
      option: 'nsCoefficients',
      says: 'three finite numbers',
      holds: ({ nsCoefficients: all }) => all.length === 3 && all.every(Number.isFinite),
    },
    nonNegative('eps'),
    {
      option: 'nsSteps',
      says: 'a whole number in [1, 100)',
      holds: ({ nsSteps }) => Number.isInteger(nsSteps) && nsSteps > 0 && nsSteps < 100,
    },
    oneOf('adjustLrFn', ['original', 'match_rms_adamw', null]),
  ],
  requires: ({ length }) => (length === 2 ? undefined : 'a matrix; give the others to AdamW'),
}

/**
 * Muon: momentum whose steps are made orthogonal, so that all directions of a matrix are learned at
 * one speed. For the matrices of hidden layers; give embeddings, heads, biases and norms to AdamW.
 *
 * ```text
 * b ← b + (1 - μ)(g - b)
 * u ← b                      Nesterov: u ← g + μ(b - g)
 * X ← u/‖u‖, then 5 times:   A = XXᵀ,   X ← aX + (bA + cA²)X
 * p ← (1 - γλ)p - γ √max(1, rows/columns) X
 * ```
 *
 * with γ = `lr`, μ = `momentum`, (a, b, c) = `nsCoefficients`, λ = `weightDecay`. The iteration (Newton
 * and Schulz's) takes the singular values near 1. PyTorch runs it in bfloat16, here it has the
 * parameter's dtype.
 *
 * @example
 * ```ts
 * const matrices = [...model.parameters()].filter(({ rank }) => rank === 2)
 * const optimizer = new Muon(matrices, { lr: 0.02, weightDecay: 0.01 })
 * ```
 *
 * Sources: K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024); J. Liu
 * et al., "Muon is Scalable for LLM Training", arXiv 2502.16982.
 */
export class Muon extends TensorOptimizer<MuonOptions> {
  constructor(params: ParametersInput<MuonOptions>, options: Partial<MuonOptions> = {}) {
    super(params, muon, options)
  }

  protected override slots(): Record<string, Initial> {
    return { momentum_buffer: 0 }
  }

  protected override update(work: readonly Work<MuonOptions>[]): void {
    for (const one of work)
      scope(() => {
        const { parameter, gradient, state, group } = one
        const { momentum, nesterov, adjustLrFn } = group
        const average = state.slots['momentum_buffer']!
        assign(average, average.add(gradient.sub(average).mul(1 - momentum)))
        const step = nesterov ? gradient.add(average.sub(gradient).mul(momentum)) : average
        const [rows = 1, columns = 1] = parameter.shape
        const fitted =
          adjustLrFn === 'match_rms_adamw'
            ? 0.2 * Math.sqrt(Math.max(rows, columns))
            : Math.sqrt(Math.max(1, rows / columns))
        const straight = this.#orthogonal(step, group)
        const kept = this.number(one, () => 1 - group.lr * group.weightDecay)
        const rate = this.number(one, () => group.lr * fitted)
        assign(parameter, parameter.mul(kept).sub(straight.mul(rate)))
      })
  }

  /** The nearest matrix with orthonormal rows or columns, roughly. */
  #orthogonal(step: Tensor, { nsCoefficients, nsSteps, eps }: MuonOptions): Tensor {
    const [a, b, c] = nsCoefficients
    const tall = step.shape[0]! > step.shape[1]!
    const start = this.round(step)
    const norm = this.round(start.square().sum().sqrt()).clamp(eps)
    // The products are those of the shorter side.
    let x = this.round((tall ? start.transpose() : start).div(norm))
    for (let i = 0; i < nsSteps; i++) {
      const gram = this.round(x.matmul(x.transpose()))
      const factor = this.round(gram.mul(b).add(gram.matmul(gram).mul(c)))
      x = this.round(x.mul(a).add(factor.matmul(x)))
    }
    return tall ? x.transpose() : x
  }

  /** Applied to every result of the iteration; to be overridden where fewer bits will do. */
  protected round(x: Tensor): Tensor {
    return x
  }
}
