import { assign, computeType, scope, type Tensor, where } from '@nablajs/tensor'
import type { ParametersInput, Work } from '../optimizer.ts'
import { nonNegative, rates } from '../ranges.ts'
import { TensorOptimizer } from '../tensor-optimizer.ts'
import type { Declaration, Initial } from '../transform.ts'

export interface AdamPOptions {
  /** Learning rate γ. Default 1e-3. */
  lr: number
  /** β₁ and β₂, the decay rates of the two averages, in [0, 1). Default [0.9, 0.999]. */
  betas: readonly [number, number]
  /** ε, added to the root and to norms. Default 1e-8. */
  eps: number
  /** λ, decoupled. Default 0. */
  weightDecay: number
  /** δ, how near to a right angle gradient and weights must be for a projection. Default 0.1. */
  delta: number
  /** What the weight decay is multiplied by where there is a projection. Default 0.1. */
  wdRatio: number
  /** Step along the look-ahead of m. Default false. */
  nesterov: boolean
  /** Climb instead of descend. Default false. */
  maximize: boolean
}

const adamp: Declaration<AdamPOptions> = {
  name: 'AdamP',
  defaults: {
    lr: 1e-3,
    betas: [0.9, 0.999],
    eps: 1e-8,
    weightDecay: 0,
    delta: 0.1,
    wdRatio: 0.1,
    nesterov: false,
    maximize: false,
  },
  ranges: [
    nonNegative('lr'),
    rates(),
    nonNegative('eps'),
    nonNegative('weightDecay'),
    nonNegative('delta'),
    nonNegative('wdRatio'),
  ],
}

/**
 * AdamP: Adam without the part of a step that only makes weights longer. Where a norm follows, the
 * length of weights does not matter, but momentum lets it grow and so lowers the effective rate.
 *
 * ```text
 * m, v as for Adam,   u = m/(1 - β₁ᵗ) / (√(v/(1 - β₂ᵗ)) + ε)
 * for each output, then for the whole layer, with n weights:
 *   if max |cos(g, p)| < δ/√n:   p̂ = p/‖p‖,   u ← u - p̂ (p̂·u),   λ ← λ · wdRatio,   and no further
 * p ← (1 - γλ)p - γu
 * ```
 *
 * with γ = `lr`, β = `betas`, ε = `eps`, δ = `delta`, λ = `weightDecay`. Vectors are stepped as by
 * AdamW. Outputs are counted by the first axis of a matrix and by the last one of a kernel.
 *
 * @example
 * ```ts
 * const optimizer = new AdamP(model.parameters(), { lr: 1e-3, weightDecay: 1e-2 })
 * ```
 *
 * Source: B. Heo et al., "AdamP: Slowing Down the Slowdown for Momentum Optimizers on Scale-invariant
 * Weights", arXiv 2006.08217.
 */
export class AdamP extends TensorOptimizer<AdamPOptions> {
  constructor(params: ParametersInput<AdamPOptions>, options: Partial<AdamPOptions> = {}) {
    super(params, adamp, options)
  }

  protected override slots(): Record<string, Initial> {
    return { exp_avg: 0, exp_avg_sq: 0 }
  }

  protected override update(work: readonly Work<AdamPOptions>[]): void {
    for (const one of work) scope(() => step(one, (compute) => this.number(one, compute)))
  }
}

function step(
  { parameter, gradient, state, group }: Work<AdamPOptions>,
  number: (compute: () => number) => number | Tensor,
): void {
  const { betas, eps, nesterov, maximize } = group
  const [beta1, beta2] = betas
  const { exp_avg: m, exp_avg_sq: v } = state.slots as { exp_avg: Tensor; exp_avg_sq: Tensor }
  const g = maximize ? gradient.neg() : gradient
  assign(m, m.mul(beta1).add(g.mul(1 - beta1)))
  assign(v, v.mul(beta2).add(g.square().mul(1 - beta2)))
  const ahead = nesterov ? m.mul(beta1).add(g.mul(1 - beta1)) : m
  const root = v
    .mul(number(() => 1 / (1 - beta2 ** state.step)))
    .sqrt()
    .add(eps)
  const u = ahead.div(root).mul(number(() => 1 / (1 - beta1 ** state.step)))
  const rate = number(() => group.lr)
  if (parameter.rank < 2) {
    const kept = number(() => 1 - group.lr * group.weightDecay)
    assign(parameter, parameter.mul(kept).sub(u.mul(rate)))
    return
  }
  const axes = parameter.shape.map((_, axis) => axis)
  const outputs = axes.filter((axis) => axis !== (axes.length === 2 ? 0 : axes.length - 1))
  const [p, slope, change] = [parameter, g, u].map((t) => t.cast(computeType(t.dtype))) as [
    Tensor,
    Tensor,
    Tensor,
  ]
  const layer = project(p, slope, change, axes, group)
  const output = project(p, slope, change, outputs, group)
  const straight = where(output.applies, output.u, where(layer.applies, layer.u, change))
  const decay = where(
    output.applies.or(layer.applies),
    number(() => group.lr * group.weightDecay * group.wdRatio),
    number(() => group.lr * group.weightDecay),
  )
  const next = p.sub(p.mul(decay)).sub(straight.mul(rate))
  assign(parameter, next.cast(parameter.dtype))
}

/** The step without its part along the weights, over the given axes, and whether it is to be taken. */
function project(
  p: Tensor,
  g: Tensor,
  u: Tensor,
  axes: readonly number[],
  { delta, eps }: AdamPOptions,
): { readonly u: Tensor; readonly applies: Tensor } {
  const total = (x: Tensor): Tensor => x.sum(axes, { keepdim: true })
  const length = (x: Tensor): Tensor => total(x.square()).sqrt().add(eps)
  const count = axes.reduce((n, axis) => n * p.shape[axis]!, 1)
  const cosine = total(g.mul(p)).abs().div(length(g)).div(length(p))
  const unit = p.div(length(p))
  return {
    u: u.sub(unit.mul(total(unit.mul(u)))),
    applies: cosine.max().lt(delta / Math.sqrt(count)),
  }
}
