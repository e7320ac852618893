import { nonNegative } from '../ranges.ts'
import { type Transform, transform, when } from '../transform.ts'

export interface AddDecayedWeightsOptions {
  /** λ. Default 0, unless the optimizer says otherwise. */
  weightDecay: number
}

/**
 * `u ← u + λp`. Before a link that scales by averages of the gradient this is the L2 penalty; after
 * it, and before the learning rate, it is decoupled weight decay.
 *
 * Source: I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", arXiv 1711.05101.
 */
export const addDecayedWeights: Transform<AddDecayedWeightsOptions> = transform({
  name: 'addDecayedWeights',
  defaults: { weightDecay: 0 } as AddDecayedWeightsOptions,
  ranges: [nonNegative('weightDecay')],
  active: ({ weightDecay }) => weightDecay !== 0,
  numbers: ({ weightDecay }) => ({ decay: weightDecay }),
  update: (u, { p }, { decay }) => ({ u: u.add(p.mul(decay)) }),
})

export interface DecayKindOptions extends AddDecayedWeightsOptions {
  /** Shrink the parameter itself (as AdamW) instead of adding λp to the gradient. Default false. */
  decoupledWeightDecay: boolean
}

const unlessSaid = { decoupledWeightDecay: false }

/** {@link addDecayedWeights} where the decay belongs to the gradient. */
export const addPenalty: Transform<DecayKindOptions> = when(
  unlessSaid,
  ({ decoupledWeightDecay }) => !decoupledWeightDecay,
  addDecayedWeights,
)

/** {@link addDecayedWeights} where the decay belongs to the parameter. */
export const addDecoupledDecay: Transform<DecayKindOptions> = when(
  unlessSaid,
  ({ decoupledWeightDecay }) => decoupledWeightDecay,
  addDecayedWeights,
)
