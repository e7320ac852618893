import { Optimizer, type ParametersInput } from './optimizer.ts'
import { betaRange, type CommonOptions, commonRanges, epsRange, type Rule } from './rule.ts'

export interface AdamOptions extends CommonOptions {
  /** Learning rate γ. Default 1e-3. */
  lr: number
  /** β₁ and β₂, the decay rates of the two averages, in [0, 1). Default [0.9, 0.999]. */
  betas: readonly [number, number]
  /** ε, added to the root (outside of it). Default 1e-8. */
  eps: number
  /** λ; Adam adds λp to the gradient (L2), AdamW shrinks p by γλ. Default 0, for AdamW 0.01. */
  weightDecay: number
  /** Divide by the largest second moment so far (AMSGrad). Default false. */
  amsgrad: boolean
  /** Climb instead of descend. Default false. */
  maximize: boolean
}

interface Structure {
  readonly amsgrad: boolean
  readonly decay: boolean
  readonly maximize: boolean
}

type Slots = 'exp_avg' | 'exp_avg_sq' | 'max_exp_avg_sq'
type Numbers = 'rate' | 'shrink' | 'decay' | 'beta1' | 'beta2' | 'root' | 'eps'

/** Adam's rule, with the weight decay in the gradient or decoupled from it. */
export function adamRule(
  name: string,
  weightDecay: number,
  decoupled: boolean,
): Rule<AdamOptions, Slots, Numbers, Structure> {
  return {
    name,
    defaults: {
      lr: 1e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay,
      amsgrad: false,
      maximize: false,
    },
    ranges: [...commonRanges<AdamOptions>(), betaRange(), epsRange()],
    structure: ({ amsgrad, weightDecay: decay, maximize }) => ({
      amsgrad,
      decay: decay !== 0,
      maximize,
    }),
    slots: ({ amsgrad }) =>
      amsgrad ? ['exp_avg', 'exp_avg_sq', 'max_exp_avg_sq'] : ['exp_avg', 'exp_avg_sq'],
    numbers: ({ lr, betas: [beta1, beta2], eps, weightDecay: decay }, t) => ({
      rate: lr / (1 - beta1 ** t),
      shrink: 1 - lr * decay,
      decay,
      beta1,
      beta2,
      root: 1 / Math.sqrt(1 - beta2 ** t),
      eps,
    }),
    update: (x, { rate, shrink, decay, beta1, beta2, root, eps }, structure) => {
      const climb = structure.maximize ? x.g.neg() : x.g
      const g = structure.decay && !decoupled ? climb.add(x.p.mul(decay)) : climb
      const p = structure.decay && decoupled ? x.p.mul(shrink) : x.p
      const m = x.exp_avg.add(g.sub(x.exp_avg).mul(beta1.neg().add(1)))
      const v = x.exp_avg_sq.mul(beta2).add(g.mul(g).mul(beta2.neg().add(1)))
      const largest = structure.amsgrad ? x.max_exp_avg_sq.max(v) : v
      const step = rate.mul(m).div(largest.sqrt().mul(root).add(eps))
      return {
        p: p.sub(step),
        exp_avg: m,
        exp_avg_sq: v,
        ...(structure.amsgrad && { max_exp_avg_sq: largest }),
      }
    },
  }
}

const adam = adamRule('Adam', 0, false)

/**
 * Adam: steps scaled by running averages of the gradient and of its square.
 *
 * ```text
 * g ← g + λp
 * m ← β₁m + (1 - β₁)g
 * v ← β₂v + (1 - β₂)g²
 * p ← p - γ/(1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + ε)
 * ```
 *
 * with γ = `lr`, β = `betas`, ε = `eps` (outside of the root), λ = `weightDecay` and t the number of
 * this update, from 1. With `amsgrad`, v is replaced in the last line by its largest value so far.
 *
 * @example
 * ```ts
 * const optimizer = new Adam(model.parameters(), { lr: 3e-4 })
 * ```
 *
 * Sources: D. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", arXiv 1412.6980;
 * S. Reddi et al., "On the Convergence of Adam and Beyond", arXiv 1904.09237.
 */
export class Adam extends Optimizer<AdamOptions> {
  constructor(params: ParametersInput<AdamOptions>, options: Partial<AdamOptions> = {}) {
    super(adam, params, options)
  }
}
