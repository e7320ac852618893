import { Chain, chain, type Recipe } from '../chain.ts'
import type { ParametersInput } from '../optimizer.ts'
import {
  type AddDecayedWeightsOptions,
  addDecayedWeights,
} from '../transforms/add-decayed-weights.ts'
import { type AverageDualsOptions, averageDuals } from '../transforms/average-duals.ts'
import { type ClimbOptions, climb } from '../transforms/climb.ts'

/** γ `lr` 1e-2, μ `momentum` 0.9, ε `eps` 1e-6, λ `weightDecay` 0. */
export interface MADGRADOptions
  extends ClimbOptions,
    AddDecayedWeightsOptions,
    AverageDualsOptions {}

const madgrad: Recipe<MADGRADOptions> = chain('MADGRAD', [climb, addDecayedWeights, averageDuals])

/**
 * MADGRAD: dual averaging with a cube root. It remembers where it began and sums up all gradients;
 * needs less weight decay than SGD, and other rates.
 *
 * ```text
 * g ← g + λp,   λₜ = γ√t
 * s ← s + λₜg
 * v ← v + λₜg²
 * p ← μp + (1 - μ)(p₀ - s/(∛v + ε))
 * ```
 *
 * with γ = `lr`, μ = `momentum`, ε = `eps`, λ = `weightDecay`, p₀ the first parameter.
 *
 * @example
 * ```ts
 * const optimizer = new MADGRAD(model.parameters(), { lr: 1e-2 })
 * ```
 *
 * Source: A. Defazio and S. Jelassi, "Adaptivity without Compromise: A Momentumized, Adaptive, Dual
 * Averaged Gradient Method for Stochastic Optimization", arXiv 2101.11075.
 */
export class MADGRAD extends Chain<MADGRADOptions> {
  constructor(params: ParametersInput<MADGRADOptions>, options: Partial<MADGRADOptions> = {}) {
    super(params, madgrad, options)
  }
}
