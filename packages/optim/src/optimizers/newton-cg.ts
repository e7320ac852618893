import { noGrad, scope, type Tensor } from '@nablajs/tensor'
import { type Curvature, curvatureOf } from '../curvature.ts'
import { demandClosure, demandOneGroup, moveAlong } from '../one-vector.ts'
import { Optimizer, type ParametersInput } from '../optimizer.ts'
import { nonNegative } from '../ranges.ts'
import type { Declaration, Range } from '../transform.ts'

export interface NewtonCGOptions {
  /** The length t of a step that is tried first. Default 1: Newton's. */
  lr: number
  /** λ, added to the Hessian's diagonal. Default 0. */
  damping: number
  /** How many products with the Hessian a step may take. Default 50. */
  maxCg: number
  /** c, the share of the promised descent that is asked for, in (0, 1). Default 1e-4. */
  c1: number
  /** How often t may be halved. Default 20. */
  maxHalvings: number
  /** Nothing moves when no element of the gradient is larger. Default 1e-9. */
  toleranceGrad: number
}

const whole = (option: 'maxCg' | 'maxHalvings'): Range<NewtonCGOptions> => ({
  option,
  says: 'a whole number > 0',
  holds: ({ [option]: value }) => Number.isInteger(value) && value > 0,
})

const newtonCG: Declaration<NewtonCGOptions> = {
  name: 'NewtonCG',
  reads: true,
  defaults: { lr: 1, damping: 0, maxCg: 50, c1: 1e-4, maxHalvings: 20, toleranceGrad: 1e-9 },
  ranges: [
    nonNegative('lr'),
    nonNegative('damping'),
    whole('maxCg'),
    { option: 'c1', says: 'in (0, 1)', holds: ({ c1 }) => c1 > 0 && c1 < 1 },
    whole('maxHalvings'),
    nonNegative('toleranceGrad'),
  ],
}

const dot = (a: Tensor, b: Tensor): number => a.mul(b).sum().itemSync()

/**
 * Newton-CG, truncated Newton: solves `(H + λI)d = -g` by conjugate gradients, as exactly as the
 * distance to the minimum is worth, and goes along d as far as a line search allows. The Hessian H is
 * never made: each product with it is one more backward pass. For full batches of smooth losses.
 *
 * ```text
 * ε = min(½, √‖g‖)‖g‖;   z ← 0,  r ← g,  d ← -g
 * repeat:   if dᵀHd ≤ 0:  stop, with z, or with -g at first
 *           α = rᵀr/dᵀHd;   z ← z + αd;   r' = r + αHd;   stop if ‖r'‖ < ε
 *           d ← -r' + (r'ᵀr'/rᵀr)d;   r ← r'
 * t ← γ, halved until   L(p + tz) ≤ L(p) + c t gᵀz
 * p ← p + tz
 * ```
 *
 * with H standing for H + λI, γ = `lr`, λ = `damping`, c = `c1`. Directions of negative curvature end
 * the iteration, so it goes down where Newton's method would climb. One `step` is one Newton step; it
 * returns the loss before it. Where no length goes down, nothing moves. All parameters form one vector
 * and one group. Numbers are read back from the device, which has to be one that can do that at once.
 *
 * @example
 * ```ts
 * const optimizer = new NewtonCG(model.parameters())
 * for (let i = 0; i < 10; i++) optimizer.step(() => loss(model))
 * ```
 *
 * Sources: J. Nocedal and S. Wright, "Numerical Optimization", 2nd ed., algorithm 7.1; J. Martens,
 * "Deep learning via Hessian-free optimization" (2010).
 */
export class NewtonCG extends Optimizer<NewtonCGOptions> {
  constructor(params: ParametersInput<NewtonCGOptions>, options: Partial<NewtonCGOptions> = {}) {
    super(params, newtonCG, options)
    demandOneGroup('NewtonCG', this.paramGroups)
  }

  // `advance` does it all: it needs the loss in between.
  protected override update(): void {}

  protected override advance(closure: (() => Tensor) | undefined): Tensor {
    demandClosure('NewtonCG', closure)
    demandOneGroup('NewtonCG', this.paramGroups)
    return scope(() => {
      const [group] = this.paramGroups
      const { params } = group!
      this.zeroGrad()
      const curvature = curvatureOf(params, closure)
      const { loss, gradient } = curvature
      if (!this.callPreHooks()) return loss
      for (const parameter of params) this.stateOf(parameter, group!).step++
      noGrad(() => {
        if (gradient.abs().max().itemSync() <= group!.toleranceGrad) return
        const z = direction(curvature, group!)
        const before = params.map((parameter) => parameter.detach().copy())
        const [start, slope] = [loss.itemSync(), dot(gradient, z)]
        let t = group!.lr
        for (let i = 0; i < group!.maxHalvings; i++) {
          moveAlong(params, before, z, t)
          const next = scope(() => closure().itemSync())
          if (next <= start + group!.c1 * t * slope) return
          t /= 2
        }
        moveAlong(params, before, z, 0)
      })
      return loss
    })
  }
}

/** Conjugate gradients on `(H + λI)z = -g`, ended early. */
function direction({ gradient: g, times }: Curvature, options: NewtonCGOptions): Tensor {
  const length = Math.sqrt(dot(g, g))
  const enough = Math.min(0.5, Math.sqrt(length)) * length
  let z = g.zerosLike()
  let r = g
  let d = g.neg()
  let square = length * length
  for (let i = 0; i < options.maxCg; i++) {
    const product = times(d).add(d.mul(options.damping))
    const curvature = dot(d, product)
    if (!(curvature > 0)) return i === 0 ? d : z
    const alpha = square / curvature
    z = z.add(d.mul(alpha))
    r = r.add(product.mul(alpha))
    const next = dot(r, r)
    if (Math.sqrt(next) < enough) return z
    d = d.mul(next / square).sub(r)
    square = next
  }
  return z
}
