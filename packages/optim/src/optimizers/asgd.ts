import { Chain, chain, type Recipe } from '../chain.ts'
import type { ParametersInput } from '../optimizer.ts'
import {
  type AddDecayedWeightsOptions,
  addDecayedWeights,
} from '../transforms/add-decayed-weights.ts'
import { type AverageIteratesOptions, averageIterates } from '../transforms/average-iterates.ts'
import { type ClimbOptions, climb } from '../transforms/climb.ts'

/** γ `lr` 1e-2, λ' `lambd` 1e-4, α `alpha` 0.75, t₀ `t0` 1e6, λ `weightDecay` 0. */
export interface ASGDOptions
  extends ClimbOptions,
    AddDecayedWeightsOptions,
    AverageIteratesOptions {}

const asgd: Recipe<ASGDOptions> = chain('ASGD', [climb, addDecayedWeights, averageIterates])

/**
 * Averaged SGD: a falling rate, and beside the parameter the average of where it has been.
 *
 * ```text
 * g ← g + λp
 * p ← p - η(g + λ'p)
 * a ← a + μ(p - a)
 * η ← γ / (1 + λ'γt)^α       from the second step on; γ on the first
 * μ ← 1 / max(1, t - t₀)     likewise; 1 on the first
 * ```
 *
 * with γ = `lr`, λ' = `lambd`, α = `alpha`, t₀ = `t0`, λ = `weightDecay`. The average a is `ax` in the
 * state dict.
 *
 * @example
 * ```ts
 * const optimizer = new ASGD(model.parameters(), { lr: 0.1, t0: 1000 })
 * ```
 *
 * Source: B. Polyak and A. Juditsky, "Acceleration of Stochastic Approximation by Averaging" (1992).
 */
export class ASGD extends Chain<ASGDOptions> {
  constructor(params: ParametersInput<ASGDOptions>, options: Partial<ASGDOptions> = {}) {
    super(params, asgd, options)
  }
}
