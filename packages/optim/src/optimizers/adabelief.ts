import { Chain, chain, type Recipe } from '../chain.ts'
import type { ParametersInput } from '../optimizer.ts'
import {
  type AddDecayedWeightsOptions,
  addDecayedWeights,
} from '../transforms/add-decayed-weights.ts'
import { type ClimbOptions, climb } from '../transforms/climb.ts'
import { type ScaleByBeliefOptions, scaleByBelief } from '../transforms/scale-by-belief.ts'
import {
  type LearningRateOptions,
  scaleByLearningRate,
} from '../transforms/scale-by-learning-rate.ts'

/** γ `lr` 1e-3, β `betas` [0.9, 0.999], ε `eps` 1e-16, λ `weightDecay` 0. */
export interface AdaBeliefOptions
  extends ClimbOptions,
    ScaleByBeliefOptions,
    AddDecayedWeightsOptions,
    LearningRateOptions {}

const adabelief: Recipe<AdaBeliefOptions> = chain('AdaBelief', [
  climb,
  scaleByBelief,
  addDecayedWeights,
  scaleByLearningRate,
])

/**
 * AdaBelief: Adam that looks at how far gradients are from their average, not at how large they are: long
 * steps where they are as expected.
 *
 * ```text
 * m ← β₁m + (1 - β₁)g
 * s ← β₂s + (1 - β₂)(g - m)² + ε
 * p ← p - γ(m/(1 - β₁ᵗ) / (√(s/(1 - β₂ᵗ)) + ε) + λp)
 * ```
 *
 * with γ = `lr`, β = `betas`, ε = `eps`, λ = `weightDecay`.
 *
 * @example
 * ```ts
 * const optimizer = new AdaBelief(model.parameters(), { lr: 1e-3 })
 * ```
 *
 * Source: J. Zhuang et al., "AdaBelief Optimizer: Adapting Stepsizes by the Belief in Observed
 * Gradients", arXiv 2010.07468.
 */
export class AdaBelief extends Chain<AdaBeliefOptions> {
  constructor(params: ParametersInput<AdaBeliefOptions>, options: Partial<AdaBeliefOptions> = {}) {
    super(params, adabelief, options)
  }
}
