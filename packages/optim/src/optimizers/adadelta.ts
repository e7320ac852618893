import { Chain, chain, type Recipe } from '../chain.ts'
import type { ParametersInput } from '../optimizer.ts'
import {
  type AddDecayedWeightsOptions,
  addDecayedWeights,
} from '../transforms/add-decayed-weights.ts'
import { type ClimbOptions, climb } from '../transforms/climb.ts'
import { type ScaleByAdadeltaOptions, scaleByAdadelta } from '../transforms/scale-by-adadelta.ts'
import {
  type LearningRateOptions,
  scaleByLearningRate,
} from '../transforms/scale-by-learning-rate.ts'

/** γ `lr` 1, ρ `rho` 0.9, ε `eps` 1e-6, λ `weightDecay` 0. */
export interface AdadeltaOptions
  extends ClimbOptions,
    AddDecayedWeightsOptions,
    ScaleByAdadeltaOptions,
    LearningRateOptions {}

const adadelta: Recipe<AdadeltaOptions> = chain(
  'Adadelta',
  [climb, addDecayedWeights, scaleByAdadelta, scaleByLearningRate],
  { lr: 1 },
)

/**
 * Adadelta: steps in the unit of the parameter, so that no rate has to be found.
 *
 * ```text
 * g ← g + λp
 * s ← ρs + (1 - ρ)g²
 * Δ = √(d + ε) / √(s + ε) · g
 * d ← ρd + (1 - ρ)Δ²
 * p ← p - γΔ
 * ```
 *
 * with γ = `lr` (1 in the paper), ρ = `rho` (0.95 in the paper), ε = `eps` inside of both roots, λ =
 * `weightDecay`. Δ takes the new s and the old d.
 *
 * @example
 * ```ts
 * const optimizer = new Adadelta(model.parameters(), { rho: 0.95 })
 * ```
 *
 * Source: M. Zeiler, "ADADELTA: An Adaptive Learning Rate Method", arXiv 1212.5701.
 */
export class Adadelta extends Chain<AdadeltaOptions> {
  constructor(params: ParametersInput<AdadeltaOptions>, options: Partial<AdadeltaOptions> = {}) {
    super(params, adadelta, options)
  }
}
