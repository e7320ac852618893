import { nonNegative } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface StepWithProximalDecayOptions {
  /** Learning rate γ. Default 1e-3. */
  lr: number
  /** λ. Default 0. */
  weightDecay: number
}

/** `p ← (p - γu) / (1 + γλ)`: the learning rate and a proximal weight decay, as the last link. */
export const stepWithProximalDecay: Transform<StepWithProximalDecayOptions> = transform({
  name: 'stepWithProximalDecay',
  defaults: { lr: 1e-3, weightDecay: 0 } as StepWithProximalDecayOptions,
  ranges: [nonNegative('lr'), nonNegative('weightDecay')],
  numbers: ({ lr, weightDecay }) => ({ lr, shrink: 1 / (1 + lr * weightDecay) }),
  update: (u, { p }, { lr, shrink }) => ({ u: p.sub(p.sub(u.mul(lr)).mul(shrink)) }),
})
