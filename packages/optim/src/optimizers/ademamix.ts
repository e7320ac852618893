import { Chain, chain, type Recipe } from '../chain.ts'
import type { ParametersInput } from '../optimizer.ts'
import {
  type AddDecayedWeightsOptions,
  addDecayedWeights,
} from '../transforms/add-decayed-weights.ts'
import { type ClimbOptions, climb } from '../transforms/climb.ts'
import { type ScaleByAdEMAMixOptions, scaleByAdEMAMix } from '../transforms/scale-by-ademamix.ts'
import {
  type LearningRateOptions,
  scaleByLearningRate,
} from '../transforms/scale-by-learning-rate.ts'

/** γ `lr` 1e-3, β `betas` [0.9, 0.999, 0.9999], α `alpha` 5, T `warmup` 0, ε `eps` 1e-8, λ `weightDecay` 0. */
export interface AdEMAMixOptions
  extends ClimbOptions,
    ScaleByAdEMAMixOptions,
    AddDecayedWeightsOptions,
    LearningRateOptions {}

const ademamix: Recipe<AdEMAMixOptions> = chain('AdEMAMix', [
  climb,
  scaleByAdEMAMix,
  addDecayedWeights,
  scaleByLearningRate,
])

/**
 * AdEMAMix: AdamW with a second, slow average of the gradient, which remembers tens of thousands of
 * steps, beside the fast one, which follows the last ones. For long trainings; let `warmup` be their
 * length, for the slow average disturbs early steps.
 *
 * ```text
 * m ← β₁m + (1 - β₁)g
 * s ← β₃s + (1 - β₃)g
 * v ← β₂v + (1 - β₂)g²
 * p ← p - γ((m/(1 - β₁ᵗ) + αs) / (√(v/(1 - β₂ᵗ)) + ε) + λp)
 * ```
 *
 * with γ = `lr`, β = `betas`, α = `alpha`, ε = `eps`, λ = `weightDecay`. In the first T = `warmup`
 * steps α grows from 0, and β₃ from β₁ so that its half-life grows evenly. Try α in 4 to 10.
 *
 * @example
 * ```ts
 * const optimizer = new AdEMAMix(model.parameters(), { lr: 1e-3, alpha: 8, warmup: 20_000 })
 * ```
 *
 * Source: M. Pagliardini, P. Ablin and D. Grangier, "The AdEMAMix Optimizer: Better, Faster, Older",
 * arXiv 2409.03137.
 */
export class AdEMAMix extends Chain<AdEMAMixOptions> {
  constructor(params: ParametersInput<AdEMAMixOptions>, options: Partial<AdEMAMixOptions> = {}) {
    super(params, ademamix, options)
  }
}
