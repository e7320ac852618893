import { assign, keep, noGrad, scope, type Tensor } from '@nablajs/tensor'
import { demandClosure, demandOneGroup, flat, moveAlong, sizeOf } from '../one-vector.ts'
import { Optimizer, type ParameterState, type ParametersInput } from '../optimizer.ts'
import { nonNegative, oneOf } from '../ranges.ts'
import { type OptimizerState, plain } from '../state.ts'
import { type LinePoint, strongWolfe } from '../strong-wolfe.ts'
import type { Declaration, Initial, Range } from '../transform.ts'

export interface LBFGSOptions {
  /** Learning rate γ: the length of a step, or the first one that the line search tries. Default 1. */
  lr: number
  /** How many iterations a step makes. Default 20. */
  maxIter: number
  /**
   * After how many computations of the loss a step ends; a line search makes one more where it began with
   * none left. Default 1.25 `maxIter`.
   */
  maxEval: number | null
  /** A step ends when no element of the gradient is larger. Default 1e-7. */
  toleranceGrad: number
  /** A step ends when neither the loss nor any element of a parameter changes more. Default 1e-9. */
  toleranceChange: number
  /** m, how many pairs of differences are remembered. Default 100. */
  historySize: number
  /** How to find the length of a step. Default: none, it is γ. */
  lineSearchFn: 'strong_wolfe' | null
}

const whole = (option: keyof LBFGSOptions): Range<LBFGSOptions> => ({
  option,
  says: 'a whole number > 0',
  holds: ({ [option]: value }) => Number.isInteger(value) && Number(value) > 0,
})

const lbfgs: Declaration<LBFGSOptions> = {
  name: 'LBFGS',
  reads: true,
  defaults: {
    lr: 1,
    maxIter: 20,
    maxEval: null,
    toleranceGrad: 1e-7,
    toleranceChange: 1e-9,
    historySize: 100,
    lineSearchFn: null,
  },
  ranges: [
    nonNegative('lr'),
    whole('maxIter'),
    {
      option: 'maxEval',
      says: 'null or a whole number > 0',
      holds: ({ maxEval }) => maxEval === null || (Number.isInteger(maxEval) && maxEval > 0),
    },
    whole('historySize'),
    nonNegative('toleranceGrad'),
    nonNegative('toleranceChange'),
    oneOf('lineSearchFn', ['strong_wolfe', null]),
  ],
}

/** A remembered step: the differences of gradients and of parameters. */
interface Pair {
  readonly y: Tensor
  readonly s: Tensor
  /** 1 / yᵀs */
  readonly rho: number
}

const dot = (a: Tensor, b: Tensor): number => a.mul(b).sum().itemSync()
const largest = (x: Tensor): number => x.abs().max().itemSync()

/** Pairs with less curvature than this would make the estimate of the Hessian useless. */
const FLAT = 1e-10

/**
 * L-BFGS: Newton's method with an estimate of the inverse Hessian from the last m steps. For full
 * batches and few parameters: it is fast where the loss is smooth, and confused by noise.
 *
 * ```text
 * s = pᵢ₊₁ - pᵢ,   y = gᵢ₊₁ - gᵢ,   ρ = 1/yᵀs              remembered if yᵀs > 1e-10
 * q ← -g;     newest pair first:  α = ρ sᵀq,   q ← q - αy
 * d ← q yᵀs/yᵀy;  oldest first:   d ← d + (α - ρ yᵀd)s
 * p ← p + td
 * ```
 *
 * with t = γ (`lr`), on the very first iteration min(1, 1/Σ|g|)γ; or, with `lineSearchFn:
 * 'strong_wolfe'`, the t that a line search finds from there. One `step` makes up to `maxIter`
 * iterations and computes the loss once or more in each, so it needs the function; it returns the loss
 * at its start. All parameters form one vector and one group. Numbers are read back from the device,
 * which has to be one that can do that at once.
 *
 * @example
 * ```ts
 * const optimizer = new LBFGS(model.parameters(), { lineSearchFn: 'strong_wolfe' })
 * for (let i = 0; i < 10; i++) optimizer.step(() => loss(model))
 * ```
 *
 * Sources: D. Liu and J. Nocedal, "On the limited memory BFGS method for large scale optimization"
 * (1989); J. Nocedal and S. Wright, "Numerical Optimization", algorithm 7.5.
 */
export class LBFGS extends Optimizer<LBFGSOptions> {
  #pairs: Pair[] = []

  constructor(params: ParametersInput<LBFGSOptions>, options: Partial<LBFGSOptions> = {}) {
    super(params, lbfgs, options)
    demandOneGroup('LBFGS', this.paramGroups)
  }

  get #parameters(): readonly Tensor[] {
    return this.paramGroups[0]!.params
  }

  /** The first parameter keeps what belongs to all of them, as in PyTorch. */
  protected override slots(_: LBFGSOptions, parameter: Tensor): Record<string, Initial> {
    if (parameter !== this.#parameters[0]) return {}
    const vector = { shape: [sizeOf(this.#parameters)], value: 0 }
    return { d: vector, prev_flat_grad: vector }
  }

  protected override memory(): Record<string, number> {
    return { func_evals: 0, n_iter: 0, t: 0, H_diag: 1, prev_loss: 0 }
  }

  // `advance` does it all: it needs the loss in between.
  protected override update(): void {}

  protected override advance(closure: (() => Tensor) | undefined): Tensor {
    demandClosure('LBFGS', closure)
    demandOneGroup('LBFGS', this.paramGroups)
    return scope(() => {
      const loss = this.evaluate(closure)
      if (!this.callPreHooks()) return loss
      const [group] = this.paramGroups
      const state = this.stateOf(this.#parameters[0]!, group!)
      state.step++
      noGrad(() => this.#iterate(closure, loss.itemSync(), state))
      return loss
    })
  }

  #iterate(closure: () => Tensor, firstLoss: number, state: ParameterState): void {
    const { lr, maxIter, maxEval, toleranceGrad, toleranceChange, lineSearchFn } =
      this.paramGroups[0]!
    const most = maxEval ?? Math.floor((maxIter * 5) / 4)
    const { memory, slots } = state as ParameterState & {
      memory: Record<'func_evals' | 'n_iter' | 't' | 'H_diag' | 'prev_loss', number>
      slots: Record<'d' | 'prev_flat_grad', Tensor>
    }
    let evaluations = 1
    memory.func_evals++
    let loss = firstLoss
    let gradient = this.#flatGradient()
    if (largest(gradient) <= toleranceGrad) return

    for (let i = 1; i <= maxIter; i++) {
      memory.n_iter++
      if (memory.n_iter > 1) this.#remember(gradient, memory, slots)
      const d = this.#direction(gradient, memory.H_diag)
      assign(slots.d, d)
      assign(slots.prev_flat_grad, gradient)
      memory.prev_loss = loss
      const total = memory.n_iter === 1 ? gradient.abs().sum().itemSync() : 1
      memory.t = Math.min(1, 1 / total) * lr
      const slope = dot(gradient, d)
      if (slope > -toleranceChange) break

      const before = this.#parameters.map((parameter) => parameter.detach().copy())
      let more = 0
      if (lineSearchFn) {
        const start: LinePoint<Tensor> = { t: 0, loss, gradient, slope }
        const at = (t: number): LinePoint<Tensor> => {
          moveAlong(this.#parameters, before, d, t)
          const value = this.#loss(closure)
          const g = this.#flatGradient()
          return { t, loss: value, gradient: g, slope: dot(g, d) }
        }
        const left = most - evaluations
        const found = strongWolfe(start, memory.t, at, largest(d), toleranceChange, left)
        ;({ t: memory.t, loss, gradient } = found.point)
        more = found.evaluations
        moveAlong(this.#parameters, before, d, memory.t)
      } else {
        moveAlong(this.#parameters, before, d, memory.t)
        if (i < maxIter) {
          loss = this.#loss(closure)
          gradient = this.#flatGradient()
          more = 1
        }
      }
      evaluations += more
      memory.func_evals += more
      if (
        evaluations >= most ||
        largest(gradient) <= toleranceGrad ||
        largest(d) * Math.abs(memory.t) <= toleranceChange ||
        Math.abs(loss - memory.prev_loss) < toleranceChange
      )
        break
    }
  }

  #loss(closure: () => Tensor): number {
    return scope(() => this.evaluate(closure)).itemSync()
  }

  #flatGradient(): Tensor {
    return flat(
      this.#parameters.map((parameter) => parameter.grad ?? parameter.detach().zerosLike()),
    )
  }

  #remember(
    gradient: Tensor,
    memory: Record<'t' | 'H_diag', number>,
    { d, prev_flat_grad: previous }: Record<'d' | 'prev_flat_grad', Tensor>,
  ): void {
    const y = gradient.sub(previous)
    const s = d.mul(memory.t)
    const curvature = dot(y, s)
    if (curvature <= FLAT) return
    if (this.#pairs.length === this.paramGroups[0]!.historySize) forget(this.#pairs.splice(0, 1))
    this.#pairs.push(keep({ y, s, rho: 1 / curvature }))
    memory.H_diag = curvature / dot(y, y)
  }

  /** The estimate of the inverse Hessian times the negative gradient, by two loops over the pairs. */
  #direction(gradient: Tensor, scale: number): Tensor {
    let q = gradient.neg()
    const alphas = this.#pairs.map(() => 0)
    for (let i = this.#pairs.length - 1; i >= 0; i--) {
      const { y, s, rho } = this.#pairs[i]!
      alphas[i] = rho * dot(s, q)
      q = q.sub(y.mul(alphas[i]!))
    }
    let d = q.mul(scale)
    this.#pairs.forEach(({ y, s, rho }, i) => {
      d = d.add(s.mul(alphas[i]! - rho * dot(y, d)))
    })
    return d
  }

  override stateDict(): OptimizerState {
    const saved = super.stateDict()
    const own = saved.state['0']
    if (own) {
      own['old_dirs'] = this.#pairs.map(({ y }) => y)
      own['old_stps'] = this.#pairs.map(({ s }) => s)
      own['ro'] = this.#pairs.map(({ rho }) => rho)
    }
    return saved
  }

  override loadStateDict(saved: OptimizerState): void {
    super.loadStateDict(saved)
    forget(this.#pairs)
    const own = saved.state['0'] as Record<'old_dirs' | 'old_stps', readonly Tensor[]> | undefined
    // PyTorch's are tensors of one number.
    const rhos = (saved.state['0']?.['ro'] ?? []) as readonly (number | Tensor)[]
    this.#pairs = rhos.map((rho, i) =>
      keep({ y: own!.old_dirs[i]!.copy(), s: own!.old_stps[i]!.copy(), rho: plain(rho)! }),
    )
  }

  override dispose(): void {
    super.dispose()
    forget(this.#pairs)
    this.#pairs = []
  }

  /** @internal */
  override held(): Iterable<unknown> {
    return [...super.held(), this.#pairs]
  }
}

function forget(pairs: readonly Pair[]): void {
  for (const { y, s } of pairs) {
    y.dispose()
    s.dispose()
  }
}
