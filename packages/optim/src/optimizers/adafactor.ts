import { assign, type FloatDType, scope, type Tensor } from '@nablajs/tensor'
import type { ParametersInput, Work } from '../optimizer.ts'
import { nonNegative, positive } from '../ranges.ts'
import { TensorOptimizer } from '../tensor-optimizer.ts'
import type { Declaration, Initial } from '../transform.ts'

export interface AdafactorOptions {
  /** The largest relative step size. Default 1e-2. */
  lr: number
  /** The averages' decay rate at step t is 1 - t to this power. Default -0.8. */
  beta2Decay: number
  /** ε₁, below which variances do not fall (null: the dtype's precision), and ε₂, the least scale of a
   * parameter. Default [null, 1e-3]. */
  eps: readonly [number | null, number]
  /** d, the root mean square that an update is clipped to. Default 1. */
  d: number
  /** λ, decoupled. Default 0. */
  weightDecay: number
  /** Climb instead of descend. Default false. */
  maximize: boolean
}

const adafactor: Declaration<AdafactorOptions> = {
  name: 'Adafactor',
  defaults: {
    lr: 1e-2,
    beta2Decay: -0.8,
    eps: [null, 1e-3],
    d: 1,
    weightDecay: 0,
    maximize: false,
  },
  ranges: [
    nonNegative('lr'),
    { option: 'beta2Decay', says: '<= 0', holds: ({ beta2Decay }) => beta2Decay <= 0 },
    {
      option: 'eps',
      says: 'two numbers >= 0, the first of them may be null',
      holds: ({ eps: [first, second] }) => (first === null || first >= 0) && second >= 0,
    },
    positive('d'),
    nonNegative('weightDecay'),
  ],
}

const precision = { f16: 2 ** -10, bf16: 2 ** -7, f32: 2 ** -23, f64: 2 ** -52 } as const

/**
 * Adafactor: the second moment of a matrix is kept as a mean of each row and of each column, so the
 * state of an n × m matrix has n + m numbers; steps are relative to the size of the parameter.
 *
 * ```text
 * β̂ = 1 - t^β,   ρ = min(γ, 1/√t),   α = max(ε₂, rms(p)) ρ
 * r ← β̂r + (1 - β̂) mean of g² over columns,   c ← likewise over rows
 * v = r cᵀ / max(mean(r), ε₁)                       vectors: v ← β̂v + (1 - β̂)g²
 * u = g / √max(v, ε₁²)
 * p ← (1 - γλ)p - α u / max(1, rms(u)/d)
 * ```
 *
 * with γ = `lr`, β = `beta2Decay`, ε = `eps`, λ = `weightDecay`. More than two axes are taken as many
 * matrices, of the last two.
 *
 * @example
 * ```ts
 * const optimizer = new Adafactor(model.parameters(), { lr: 0.01 })
 * ```
 *
 * Source: N. Shazeer and M. Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost",
 * arXiv 1804.04235.
 */
export class Adafactor extends TensorOptimizer<AdafactorOptions> {
  constructor(params: ParametersInput<AdafactorOptions>, options: Partial<AdafactorOptions> = {}) {
    super(params, adafactor, options)
  }

  protected override slots(_: AdafactorOptions, { shape }: Tensor): Record<string, Initial> {
    if (shape.length < 2) return { variance: 0 }
    const [rows, columns] = shape.slice(-2)
    const lead = shape.slice(0, -2)
    return {
      row_var: { shape: [...lead, rows!, 1], value: 0 },
      col_var: { shape: [...lead, 1, columns!], value: 0 },
    }
  }

  protected override update(work: readonly Work<AdafactorOptions>[]): void {
    for (const one of work)
      scope(() => {
        const { parameter, state, group } = one
        const { eps, d, beta2Decay, maximize } = group
        const gradient = maximize ? one.gradient.neg() : one.gradient
        const least = eps[0] ?? precision[parameter.dtype as FloatDType]
        const gain = this.number(one, () => state.step ** beta2Decay)
        const rate = this.number(one, () => Math.min(group.lr, 1 / Math.sqrt(state.step)))
        const kept = this.number(one, () => 1 - group.lr * group.weightDecay)
        const scale = rms(parameter).clamp(eps[1]).mul(rate)
        const variance = secondMoment(gradient.square(), state.slots, gain, least)
        const u = gradient.div(variance.clamp(least * least).sqrt())
        const step = u.mul(
          scale.div(
            rms(u)
              .mul(1 / d)
              .clamp(1),
          ),
        )
        assign(parameter, parameter.mul(kept).sub(step))
      })
  }
}

const rms = (x: Tensor): Tensor => x.square().mean().sqrt()

/** Moves the averages on and gives the second moment they stand for. */
function secondMoment(
  squares: Tensor,
  slots: Readonly<Record<string, Tensor>>,
  gain: number | Tensor,
  least: number,
): Tensor {
  const move = (slot: Tensor, to: Tensor): Tensor => {
    assign(slot, slot.add(to.sub(slot).mul(gain)))
    return slot
  }
  const { variance, row_var: rows, col_var: columns } = slots
  if (variance) return move(variance, squares)
  const r = move(rows!, squares.mean(-1, { keepdim: true }))
  const c = move(columns!, squares.mean(-2, { keepdim: true }))
  return r.div(r.mean(-2, { keepdim: true }).clamp(least)).mul(c)
}
