import { ArgumentError, assign, computeType, noGrad, scope, type Tensor } from '@nablajs/tensor'
import { refuseUnknown } from './known.ts'
import { parametersOf, type Wrapped } from './wrapped.ts'

export interface SAMOptions {
  /** ρ, how far the neighbourhood reaches. Default 0.05. */
  rho?: number
  /** Measure it in units of each element's size (ASAM). Default false; then try ρ 10 times as large. */
  adaptive?: boolean
}

/**
 * Sharpness-aware minimisation: takes the gradient not where the parameters are but at the worst point
 * near by, and lets another optimizer step with it. Finds flat minima, at the price of computing each
 * batch twice.
 *
 * ```text
 * e = ρ g/‖g‖                    adaptive: e = ρ p²g/‖pg‖
 * g ← gradient at p + e
 * ```
 *
 * with the norm over all parameters.
 *
 * @example
 * ```ts
 * const optimizer = new SAM(new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }))
 * const loss = optimizer.step(() => crossEntropy(model.forward(image), label))
 * ```
 *
 * Sources: P. Foret et al., "Sharpness-Aware Minimization for Efficiently Improving Generalization",
 * arXiv 2010.01412; J. Kwon et al., "ASAM", arXiv 2102.11600.
 */
export class SAM<Inner extends Wrapped> {
  /** The optimizer that steps; its state is all there is. */
  readonly inner: Inner
  readonly #rho: number
  readonly #adaptive: boolean

  constructor(inner: Inner, options: SAMOptions = {}) {
    refuseUnknown('SAM', options, ['rho', 'adaptive'])
    const { rho = 0.05, adaptive = false } = options
    if (!(rho >= 0)) throw new ArgumentError(`SAM: rho is ${rho}; it must be >= 0`)
    this.inner = inner
    this.#rho = rho
    this.#adaptive = adaptive
  }

  /** The groups of the inner optimizer, for schedules. */
  get paramGroups(): Inner['paramGroups'] {
    return this.inner.paramGroups
  }

  zeroGrad(): void {
    this.inner.zeroGrad()
  }

  /** A whole training step; the function is called twice. Returns the first loss. */
  step(closure: () => Tensor): Tensor {
    return scope(() => {
      const loss = this.#backward(closure)
      const moved = parametersOf(this.inner).filter(({ grad }) => grad)
      const before = moved.map((parameter) => parameter.detach().copy())
      noGrad(() => scope(() => this.#climb(moved)))
      try {
        this.#backward(closure)
      } finally {
        noGrad(() => {
          moved.forEach((parameter, i) => {
            assign(parameter, before[i]!)
          })
        })
      }
      this.inner.step()
      return loss
    })
  }

  #backward(closure: () => Tensor): Tensor {
    this.inner.zeroGrad()
    return scope(() => {
      const loss = closure()
      loss.backward()
      return loss.detach()
    })
  }

  #climb(parameters: readonly Tensor[]): void {
    const scaled = parameters.map((p) => (this.#adaptive ? p.abs().mul(p.grad!) : p.grad!))
    const squares = scaled.map((g) => g.cast(computeType(g.dtype)).square().sum())
    if (squares.length === 0) return
    const norm = squares.reduce((a, b) => a.add(b.cast(a.dtype))).sqrt()
    parameters.forEach((p, i) => {
      const direction = this.#adaptive ? p.abs().mul(scaled[i]!) : scaled[i]!
      const length = norm.add(1e-12).cast(computeType(p.dtype))
      assign(p, p.add(direction.div(length).mul(this.#rho)).cast(p.dtype))
    })
  }
}
