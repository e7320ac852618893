import { Chain, chain, type Recipe } from '../chain.ts'
import type { ParametersInput } from '../optimizer.ts'
import {
  type AddDecayedWeightsOptions,
  addDecayedWeights,
} from '../transforms/add-decayed-weights.ts'
import { type CautiousOptions, cautious } from '../transforms/cautious.ts'
import { type ClimbOptions, climb } from '../transforms/climb.ts'
import {
  type LearningRateOptions,
  scaleByLearningRate,
} from '../transforms/scale-by-learning-rate.ts'
import { type ScaleByLionOptions, scaleByLion } from '../transforms/scale-by-lion.ts'

/** γ `lr` 1e-4, β `betas` [0.9, 0.99], λ `weightDecay` 0, `cautious` false. */
export interface LionOptions
  extends ClimbOptions,
    CautiousOptions,
    ScaleByLionOptions,
    AddDecayedWeightsOptions,
    LearningRateOptions {}

const lion: Recipe<LionOptions> = chain(
  'Lion',
  [climb, scaleByLion, cautious, addDecayedWeights, scaleByLearningRate],
  { lr: 1e-4, cautious: false },
)

/**
 * Lion: every element moves by the learning rate, up or down. One average instead of Adam's two. Take a
 * rate 3 to 10 times smaller than for AdamW, and a weight decay as many times larger.
 *
 * ```text
 * c = β₁m + (1 - β₁)g
 * m ← β₂m + (1 - β₂)g
 * p ← p - γ(sign(c) + λp)
 * ```
 *
 * with γ = `lr`, β = `betas`, λ = `weightDecay`. With `cautious` it is C-Lion: elements whose step goes
 * against the gradient at hand stay, see {@link cautious}.
 *
 * @example
 * ```ts
 * const optimizer = new Lion(model.parameters(), { lr: 1e-4, weightDecay: 0.3 })
 * ```
 *
 * Source: X. Chen et al., "Symbolic Discovery of Optimization Algorithms", arXiv 2302.06675.
 */
export class Lion extends Chain<LionOptions> {
  constructor(params: ParametersInput<LionOptions>, options: Partial<LionOptions> = {}) {
    super(params, lion, options)
  }
}
