/** Optimizers that are written in tensor ops, and the numbers of theirs that change from step to step. */
import { ArgumentError, type Tensor, zeros } from '@nablajs/tensor'
import { type Program, program, updateInPlace } from '@nablajs/tensor/program'
import { Optimizer, type Work } from './optimizer.ts'
import type { OnReplay } from './recorded.ts'

/** A scalar as the value of a tensor. */
const value = (dtype: 'f32' | 'f64'): Program =>
  program({ name: 'number', inputs: [], scalars: [dtype] }, (v) => v!)

/** Options whose values may change from step to step: updates read them inside of `number`. */
export interface SteppedOptions {
  /** γ. */
  readonly lr: number
  /** λ. */
  readonly weightDecay: number
}

/**
 * The base of optimizers that are no chain and whose `update` runs the same ops in each step. Numbers that
 * follow from the count of steps, `lr` or `weightDecay` go through {@link TensorOptimizer.number}, so
 * that a step can be captured; all other options are what they were in a captured one.
 */
export abstract class TensorOptimizer<Options extends SteppedOptions> extends Optimizer<Options> {
  #onReplay: OnReplay | undefined

  /** A number of this step for ops with `parameter`; in a recorded step a tensor that each replay writes. */
  protected number({ parameter }: Work<Options>, compute: () => number): number | Tensor {
    const onReplay = this.#onReplay
    if (!onReplay) return compute()
    const { dtype, device } = parameter
    if (dtype !== 'f32' && dtype !== 'f64')
      throw new ArgumentError(
        `${this.name}: a step of ${dtype} parameters cannot be captured; f32 ones can`,
      )
    const held = zeros([], { dtype, device })
    const values = [0]
    updateInPlace(value(dtype), [], [held], values)
    onReplay(() => {
      values[0] = compute()
    })
    return held
  }

  protected override record(work: readonly Work<Options>[], onReplay: OnReplay): void {
    const asked = (): string =>
      JSON.stringify(
        this.paramGroups.map(({ lr: _, weightDecay: __, params: ___, ...others }) => others),
      )
    const recorded = asked()
    const check = this.replayCheck(work)
    onReplay(() => {
      check()
      if (asked() !== recorded)
        throw new ArgumentError(
          `${this.name}: of its options only lr and weightDecay may change after a step was captured; capture it again`,
        )
      for (const { state } of work) state.step++
    })
    this.#onReplay = onReplay
    try {
      this.update(work)
    } finally {
      this.#onReplay = undefined
    }
  }
}
