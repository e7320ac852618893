import { Chain, chain, type Recipe } from '../chain.ts'
import type { ParametersInput } from '../optimizer.ts'
import { type ClimbOptions, climb } from '../transforms/climb.ts'
import {
  type LearningRateOptions,
  scaleByLearningRate,
} from '../transforms/scale-by-learning-rate.ts'
import { type ScaleByProdigyOptions, scaleByProdigy } from '../transforms/scale-by-prodigy.ts'

/** γ `lr` 1, β `betas` [0.9, 0.999], ε `eps` 1e-8, d₀ `d0` 1e-6, λ `weightDecay` 0. */
export interface ProdigyOptions extends ClimbOptions, ScaleByProdigyOptions, LearningRateOptions {}

const prodigy: Recipe<ProdigyOptions> = chain(
  'Prodigy',
  [climb, scaleByProdigy, scaleByLearningRate],
  { lr: 1 },
)

/**
 * Prodigy: Adam that finds its learning rate, from an estimate d of the distance to the solution. Leave
 * `lr` at 1; schedules multiply.
 *
 * ```text
 * m ← β₁m + (1 - β₁)dg
 * v ← β₂v + (1 - β₂)d²g²
 * r ← √β₂ r + (1 - √β₂)γd² Σ g(p₀ - p)
 * s ← √β₂ s + (1 - √β₂)γd² g
 * p ← p - γd(m/(√v + dε) + λp)
 * d ← max(d, r / Σ|s|)
 * ```
 *
 * with γ = `lr`, β = `betas`, ε = `eps`, λ = `weightDecay`, p₀ the first parameter, and sums over all
 * elements of all parameters.
 *
 * @example
 * ```ts
 * const optimizer = new Prodigy(model.parameters())
 * ```
 *
 * Source: K. Mishchenko and A. Defazio, "Prodigy: An Expeditiously Adaptive Parameter-Free Learner",
 * arXiv 2306.06101, algorithm 4.
 */
export class Prodigy extends Chain<ProdigyOptions> {
  constructor(params: ParametersInput<ProdigyOptions>, options: Partial<ProdigyOptions> = {}) {
    super(params, prodigy, options)
  }
}
