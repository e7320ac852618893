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
import { type ScaleByRadamOptions, scaleByRadam } from '../transforms/scale-by-radam.ts'

/** γ `lr` 1e-3, β `betas` [0.9, 0.999], ε `eps` 1e-8, λ `weightDecay` 0, `decoupledWeightDecay`. */
export interface RAdamOptions
  extends ClimbOptions,
    DecayKindOptions,
    ScaleByRadamOptions,
    LearningRateOptions {}

const radam: Recipe<RAdamOptions> = chain('RAdam', [
  climb,
  addPenalty,
  scaleByRadam,
  addDecoupledDecay,
  scaleByLearningRate,
])

/**
 * RAdam: Adam that does not trust its second moment before it has seen enough gradients; the first
 * steps (five with the default betas) are plain momentum.
 *
 * ```text
 * g ← g + λp
 * m ← β₁m + (1 - β₁)g
 * v ← β₂v + (1 - β₂)g²
 * ρ∞ = 2/(1 - β₂) - 1,   ρ = ρ∞ - 2tβ₂ᵗ/(1 - β₂ᵗ)
 * r = √((ρ - 4)(ρ - 2)ρ∞ / ((ρ∞ - 4)(ρ∞ - 2)ρ))
 * p ← p - γ m/(1 - β₁ᵗ) · r√(1 - β₂ᵗ)/(√v + ε)     if ρ > 5, else
 * p ← p - γ m/(1 - β₁ᵗ)
 * ```
 *
 * with γ = `lr`, β = `betas`, ε = `eps`, λ = `weightDecay`. The 5 is PyTorch's, the paper has 4. With
 * `decoupledWeightDecay`, p is shrunk by γλ instead.
 *
 * @example
 * ```ts
 * const optimizer = new RAdam(model.parameters(), { lr: 1e-3, weightDecay: 0.01, decoupledWeightDecay: true })
 * ```
 *
 * Source: L. Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", arXiv 1908.03265.
 */
export class RAdam extends Chain<RAdamOptions> {
  constructor(params: ParametersInput<RAdamOptions>, options: Partial<RAdamOptions> = {}) {
    super(params, radam, options)
  }
}
