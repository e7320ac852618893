import { type AdamOptions, adamRule } from './adam.ts'
import { Optimizer, type ParametersInput } from './optimizer.ts'

const adamw = adamRule('AdamW', 0.01, true)

/**
 * Adam with decoupled weight decay: p is shrunk by the current learning rate times λ before the
 * step, and the averages never see the decay.
 *
 * ```text
 * p ← (1 - γλ)p
 * m ← β₁m + (1 - β₁)g
 * v ← β₂v + (1 - β₂)g²
 * p ← p - γ/(1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + ε)
 * ```
 *
 * Options and symbols as for `Adam`; λ = `weightDecay` is 0.01 by default.
 *
 * @example
 * ```ts
 * const optimizer = new AdamW(model.parameters(), { lr: 1e-3, weightDecay: 0.05 })
 * ```
 *
 * Source: I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", arXiv 1711.05101.
 */
export class AdamW extends Optimizer<AdamOptions> {
  constructor(params: ParametersInput<AdamOptions>, options: Partial<AdamOptions> = {}) {
    super(adamw, params, options)
  }
}
