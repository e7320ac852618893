import { Chain, chain, type Recipe } from '../chain.ts'
import type { ParametersInput } from '../optimizer.ts'
import {
  addDecoupledDecay,
  addPenalty,
  type DecayKindOptions,
} from '../transforms/add-decayed-weights.ts'
import { type ClimbOptions, climb } from '../transforms/climb.ts'
import {
  type LearningRateOptions,
  scaleByLearningRate,
} from '../transforms/scale-by-learning-rate.ts'
import { type ScaleByNadamOptions, scaleByNadam } from '../transforms/scale-by-nadam.ts'

/** γ `lr` 2e-3, β `betas` [0.9, 0.999], ε `eps` 1e-8, ψ `momentumDecay` 4e-3, λ `weightDecay` 0, `decoupledWeightDecay`. */
export interface NAdamOptions
  extends ClimbOptions,
    DecayKindOptions,
    ScaleByNadamOptions,
    LearningRateOptions {}

const nadam: Recipe<NAdamOptions> = chain(
  'NAdam',
  [climb, addPenalty, scaleByNadam, addDecoupledDecay, scaleByLearningRate],
  { lr: 2e-3 },
)

/**
 * NAdam: Adam with Nesterov's look-ahead and a momentum that warms up.
 *
 * ```text
 * g ← g + λp
 * μₜ = β₁(1 - 0.96^(tψ)/2)
 * m ← β₁m + (1 - β₁)g
 * v ← β₂v + (1 - β₂)g²
 * m̂ = μₜ₊₁ m/(1 - Πμᵢ, i ≤ t + 1) + (1 - μₜ) g/(1 - Πμᵢ, i ≤ t)
 * p ← p - γ m̂ / (√(v/(1 - β₂ᵗ)) + ε)
 * ```
 *
 * with γ = `lr`, β = `betas`, ε = `eps`, ψ = `momentumDecay`, λ = `weightDecay`. With
 * `decoupledWeightDecay`, p is shrunk by γλ instead.
 *
 * @example
 * ```ts
 * const optimizer = new NAdam(model.parameters(), { lr: 1e-3 })
 * ```
 *
 * Source: T. Dozat, "Incorporating Nesterov Momentum into Adam", ICLR workshop (2016).
 */
export class NAdam extends Chain<NAdamOptions> {
  constructor(params: ParametersInput<NAdamOptions>, options: Partial<NAdamOptions> = {}) {
    super(params, nadam, options)
  }
}
