import {
  ArgumentError,
  assign,
  dispose,
  type Holder,
  keep,
  noGrad,
  scope,
  type Tensor,
} from '@nablajs/tensor'
import { refuseUnknown } from './known.ts'
import type { Optimizer } from './optimizer.ts'
import { refuseRecording } from './recorded.ts'
import { demandShapes, type OptimizerState } from './state.ts'
import { parametersOf } from './wrapped.ts'

export interface LookaheadOptions {
  /** k, after how many steps the slow weights follow. Default 5. */
  k?: number
  /** α, how much of the way they go, in [0, 1]. Default 0.5. */
  alpha?: number
}

/** What `Lookahead` stores: the state of the optimizer inside and its own. */
export interface LookaheadState {
  readonly inner: OptimizerState
  readonly step: number
  /** The slow weights, in the order of the parameters. */
  readonly slow: readonly Tensor[]
}

/**
 * Lookahead: another optimizer runs ahead for k steps, then the slow weights go a part of the way and
 * the fast ones start again from there.
 *
 * ```text
 * every k steps:   φ ← φ + α(p - φ),   p ← φ
 * ```
 *
 * with k = `k`, α = `alpha`, and φ starting as the parameters.
 *
 * @example
 * ```ts
 * const optimizer = new Lookahead(new AdamW(model.parameters()), { k: 6 })
 * ```
 *
 * Source: M. Zhang et al., "Lookahead Optimizer: k steps forward, 1 step back", arXiv 1907.08610.
 */
export class Lookahead<Options extends object> implements Holder {
  readonly inner: Optimizer<Options>
  readonly #k: number
  readonly #alpha: number
  readonly #slow: readonly Tensor[]
  #step = 0

  constructor(inner: Optimizer<Options>, options: LookaheadOptions = {}) {
    refuseUnknown('Lookahead', options, ['k', 'alpha'])
    const { k = 5, alpha = 0.5 } = options
    if (!(Number.isInteger(k) && k > 0))
      throw new ArgumentError(`Lookahead: k is ${k}; it must be a whole number > 0`)
    if (!(alpha >= 0 && alpha <= 1))
      throw new ArgumentError(`Lookahead: alpha is ${alpha}; it must be in [0, 1]`)
    this.inner = inner
    this.#k = k
    this.#alpha = alpha
    this.#slow = keep(
      noGrad(() => parametersOf(inner).map((parameter) => parameter.detach().copy())),
    )
  }

  /** The groups of the inner optimizer, for schedules. */
  get paramGroups(): Optimizer<Options>['paramGroups'] {
    return this.inner.paramGroups
  }

  zeroGrad(): void {
    this.inner.zeroGrad()
  }

  /** As the inner optimizer's; every k-th call is followed by the slow step. */
  step(): void
  step(closure: () => Tensor): Tensor
  step(closure?: () => Tensor): Tensor | undefined {
    refuseRecording(
      'Lookahead',
      parametersOf(this.inner),
      `every ${this.#k}th step is followed by another kernel`,
    )
    const loss = closure ? this.inner.step(closure) : this.inner.step()
    this.#step++
    if (this.#step % this.#k === 0) noGrad(() => scope(() => this.#follow()))
    return loss ?? undefined
  }

  #follow(): void {
    parametersOf(this.inner).forEach((parameter, i) => {
      const slow = this.#slow[i]!
      assign(slow, slow.add(parameter.sub(slow).mul(this.#alpha)))
      assign(parameter, slow)
    })
  }

  /** Everything that the next step depends on beside the parameters. */
  stateDict(): LookaheadState {
    return { inner: this.inner.stateDict(), step: this.#step, slow: this.#slow }
  }

  /**
   * Takes over a state from {@link stateDict}; the tensors are copied.
   *
   * @throws ArgumentError when the state is of other parameters; nothing has changed then.
   */
  loadStateDict({ inner, step, slow }: LookaheadState): void {
    demandShapes('Lookahead', slow, this.#slow)
    this.inner.loadStateDict(inner)
    this.#step = step
    this.#slow.forEach((own, i) => {
      assign(own, slow[i]!)
    })
  }

  /** Frees the slow weights and the state of the inner optimizer. */
  dispose(): void {
    dispose(this.#slow)
    this.inner.dispose()
  }

  /** @internal */
  held(): Iterable<unknown> {
    return [this.#slow, this.inner]
  }
}
