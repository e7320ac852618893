import { Chain, chain, type Recipe } from '../chain.ts'
import type { ParametersInput } from '../optimizer.ts'
import {
  addDecoupledDecay,
  addPenalty,
  type DecayKindOptions,
} from '../transforms/add-decayed-weights.ts'
import { type ClimbOptions, climb } from '../transforms/climb.ts'
import { type ScaleByAdamOptions, scaleByAdam } from '../transforms/scale-by-adam.ts'
import {
  type LearningRateOptions,
  scaleByLearningRate,
} from '../transforms/scale-by-learning-rate.ts'

/** γ `lr` 1e-3, β `betas` [0.9, 0.999], ε `eps` 1e-8, ε̄ `epsRoot` 0, `amsgrad`, λ `weightDecay` 0. */
export interface AdamOptions
  extends LearningRateOptions,
    ScaleByAdamOptions,
    DecayKindOptions,
    ClimbOptions {}

const adam: Recipe<AdamOptions> = chain('Adam', [
  climb,
  addPenalty,
  scaleByAdam,
  addDecoupledDecay,
  scaleByLearningRate,
])

/**
 * Adam: steps scaled by running averages of the gradient and of its square.
 *
 * ```text
 * g ← g + λp
 * m ← β₁m + (1 - β₁)g
 * v ← β₂v + (1 - β₂)g²
 * p ← p - γ · m/(1 - β₁ᵗ) / (√(v/(1 - β₂ᵗ) + ε̄) + ε)
 * ```
 *
 * with γ = `lr`, β = `betas`, ε = `eps` (outside of the root), ε̄ = `epsRoot` (inside, 0), λ =
 * `weightDecay` and t the number of this update, from 1. With `amsgrad`, v is replaced in the last
 * line by its largest value so far. With `decoupledWeightDecay` it is `AdamW`.
 *
 * @example
 * ```ts
 * const optimizer = new Adam(model.parameters(), { lr: 3e-4 })
 * ```
 *
 * Sources: D. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", arXiv 1412.6980;
 * S. Reddi et al., "On the Convergence of Adam and Beyond", arXiv 1904.09237.
 */
export class Adam extends Chain<AdamOptions> {
  constructor(params: ParametersInput<AdamOptions>, options: Partial<AdamOptions> = {}) {
    super(params, adam, options)
  }
}
