import { Chain, chain, type Recipe } from '../chain.ts'
import type { ParametersInput } from '../optimizer.ts'
import { type ClimbOptions, climb } from '../transforms/climb.ts'
import { type ScaleByAdanOptions, scaleByAdan } from '../transforms/scale-by-adan.ts'
import {
  type StepWithProximalDecayOptions,
  stepWithProximalDecay,
} from '../transforms/step-with-proximal-decay.ts'

/** γ `lr` 1e-3, β `betas` [0.98, 0.92, 0.99], ε `eps` 1e-8, λ `weightDecay` 0. */
export interface AdanOptions
  extends ClimbOptions,
    ScaleByAdanOptions,
    StepWithProximalDecayOptions {}

const adan: Recipe<AdanOptions> = chain('Adan', [climb, scaleByAdan, stepWithProximalDecay])

/**
 * Adan: Adam with Nesterov's look-ahead, by the difference between gradients that follow one another.
 *
 * ```text
 * δ = g - the gradient before        0 on the first step
 * m ← β₁m + (1 - β₁)g
 * d ← β₂d + (1 - β₂)δ
 * n ← β₃n + (1 - β₃)(g + β₂δ)²
 * u = (m/(1 - β₁ᵗ) + β₂ d/(1 - β₂ᵗ)) / (√(n/(1 - β₃ᵗ)) + ε)
 * p ← (p - γu) / (1 + γλ)
 * ```
 *
 * with γ = `lr`, β = `betas` (decay rates, as in the authors' code; the paper's are 1 - β), ε = `eps`,
 * λ = `weightDecay`. The bias corrections are those of the authors' code too.
 *
 * @example
 * ```ts
 * const optimizer = new Adan(model.parameters(), { lr: 1e-3, weightDecay: 0.02 })
 * ```
 *
 * Source: X. Xie et al., "Adan: Adaptive Nesterov Momentum Algorithm for Faster Optimizing Deep Models",
 * arXiv 2208.06677.
 */
export class Adan extends Chain<AdanOptions> {
  constructor(params: ParametersInput<AdanOptions>, options: Partial<AdanOptions> = {}) {
    super(params, adan, options)
  }
}
