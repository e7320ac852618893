import { nonNegative } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface LearningRateOptions {
  /** Learning rate γ. Default 1e-3, unless the optimizer says otherwise. */
  lr: number
}

/** `u ← γu`: mostly the last link. */
export const scaleByLearningRate: Transform<LearningRateOptions> = transform({
  name: 'scaleByLearningRate',
  defaults: { lr: 1e-3 } as LearningRateOptions,
  ranges: [nonNegative('lr')],
  numbers: ({ lr }) => ({ lr }),
  update: (u, _, { lr }) => ({ u: u.mul(lr) }),
})
