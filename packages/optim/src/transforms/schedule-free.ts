import { nonNegative } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface ScheduleFreeOptions {
  /** Learning rate γ; there is no schedule, but a warm-up. */
  lr: number
  /** How many steps the rate rises linearly. Default 0. */
  warmupSteps: number
  /** The average gives step t the weight tʳ γ². r: default 0. */
  r: number
}

/**
 * ```text
 * γₜ = γ min(1, t/w),   c = weight of this step / sum of weights so far
 * y ← (1 - c)y + cz - γₜ(1 - β(1 - c))u
 * z ← z - γₜu
 * ```
 *
 * The last link of a chain; the parameter is y, the point where gradients are taken. β is the first of
 * `betas`, or `momentum`.
 */
export function scheduleFree<Options extends object>(
  betaOf: (options: Options) => number,
  defaults: Options,
): Transform<ScheduleFreeOptions & Options> {
  return transform({
    name: 'scheduleFree',
    defaults: { lr: 1, warmupSteps: 0, r: 0, ...defaults } as ScheduleFreeOptions & Options,
    ranges: [
      nonNegative<ScheduleFreeOptions & Options, 'lr'>('lr'),
      nonNegative<ScheduleFreeOptions & Options, 'warmupSteps'>('warmupSteps'),
      nonNegative<ScheduleFreeOptions & Options, 'r'>('r'),
    ],
    slots: () => ({ z: 'parameter' }),
    memory: () => ({ weight_sum: 0, lr_max: 0 }),
    numbers: (options, t, memory) => {
      const { lr, warmupSteps, r } = options
      const rate = warmupSteps > 0 ? lr * Math.min(1, t / warmupSteps) : lr
      memory.lr_max = Math.max(memory.lr_max, rate)
      const weight = t ** r * memory.lr_max ** 2
      memory.weight_sum += weight
      const share = memory.weight_sum > 0 ? weight / memory.weight_sum : 0
      return { rate, share, direct: rate * (1 - betaOf(options) * (1 - share)) }
    },
    update: (u, { p, z }, { rate, share, direct }) => ({
      u: p.sub(z).mul(share).add(u.mul(direct)),
      z: z.sub(u.mul(rate)),
    }),
  })
}
