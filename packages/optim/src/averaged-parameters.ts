import {
  ArgumentError,
  assign,
  dispose,
  type Holder,
  isFloat,
  keep,
  noGrad,
  scope,
  type Tensor,
} from '@nablajs/tensor'
import { program, updateInPlace } from '@nablajs/tensor/program'
import { refuseUnknown } from './known.ts'
import { onReplayOf } from './recorded.ts'
import { demandShapes } from './state.ts'

export interface AveragedParametersOptions {
  /** The decay rate of an exponential average (EMA), in [0, 1). Default: all updates count alike (SWA). */
  decay?: number
}

/** What {@link AveragedParameters} stores. */
export interface AveragedParametersState {
  /** How many updates there have been. */
  readonly count: number
  /** The averages, in the order of the parameters. */
  readonly averages: readonly Tensor[]
}

/**
 * Averages of parameters over a training, which often generalise better than the last ones.
 *
 * ```text
 * first update:   a ← p
 * later:          a ← a + (p - a)/(n + 1)       or, with `decay` β, a ← βa + (1 - β)p
 * ```
 *
 * with n the number of updates before. One kernel for each parameter and update.
 *
 * @example
 * ```ts
 * const average = new AveragedParameters(model.parameters(), { decay: 0.999 })
 * for (const batch of batches) {
 *   optimizer.step(() => loss(model, batch))
 *   average.update()
 * }
 * average.apply()      // evaluate or save
 * average.restore()    // go on training
 * ```
 *
 * Statistics of batch norms are buffers, not parameters. Average them too, by giving the tensors of
 * `model.namedBuffers()` as well (whole numbers such as counts are taken as they are); or take them again
 * after `apply`, by going through the data in training mode.
 *
 * Sources: P. Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization",
 * arXiv 1803.05407; B. Polyak and A. Juditsky (1992).
 */
export class AveragedParameters implements Holder {
  readonly #parameters: readonly Tensor[]
  /** The averages, in the order of the parameters. */
  readonly averages: readonly Tensor[]
  readonly #decay: number | undefined
  #backup: readonly Tensor[] | undefined
  #count = 0

  constructor(parameters: Iterable<Tensor>, options: AveragedParametersOptions = {}) {
    refuseUnknown('AveragedParameters', options, ['decay'])
    const { decay } = options
    if (decay !== undefined && !(decay >= 0 && decay < 1))
      throw new ArgumentError(`AveragedParameters: decay is ${decay}; it must be in [0, 1)`)
    this.#parameters = [...parameters]
    this.#decay = decay
    this.averages = copies(this.#parameters)
  }

  /** How many updates there have been. */
  get count(): number {
    return this.#count
  }

  /** Takes the present values in. */
  update(): void {
    const weights = [1]
    const count = (): void => {
      const share = this.#decay === undefined ? 1 / (this.#count + 1) : 1 - this.#decay
      weights[0] = this.#count === 0 ? 1 : share
      this.#count++
    }
    const onReplay = onReplayOf(this.#parameters)
    if (onReplay) onReplay(count)
    else count()
    noGrad(() => {
      this.#parameters.forEach((parameter, i) => {
        const { dtype } = parameter
        const average = this.averages[i]!
        if (!isFloat(dtype)) {
          assign(average, parameter)
          return
        }
        const move = program(
          { name: 'average', inputs: [dtype, dtype], scalars: [dtype] },
          (mean, value, w) => mean!.add(value!.sub(mean!).mul(w!)),
        )
        updateInPlace(move, [average, parameter], [average], weights)
      })
    })
  }

  /** Puts the averages into the parameters; {@link restore} puts their own values back. */
  apply(): void {
    if (this.#backup)
      throw new ArgumentError('AveragedParameters: apply() came twice; call restore() between')
    this.#backup = copies(this.#parameters)
    this.#write(this.averages)
  }

  restore(): void {
    if (!this.#backup)
      throw new ArgumentError('AveragedParameters: restore() came first; call apply() before')
    this.#write(this.#backup)
    dispose(this.#backup)
    this.#backup = undefined
  }

  #write(values: readonly Tensor[]): void {
    noGrad(() => {
      this.#parameters.forEach((parameter, i) => {
        assign(parameter, values[i]!)
      })
    })
  }

  /** Everything that the next update depends on beside the parameters; the tensors are its own. */
  stateDict(): AveragedParametersState {
    return { count: this.#count, averages: this.averages }
  }

  /**
   * Takes over a state from {@link stateDict}; the tensors are copied.
   *
   * @throws ArgumentError when the state is of other parameters; nothing has changed then.
   */
  loadStateDict({ count, averages }: AveragedParametersState): void {
    demandShapes('AveragedParameters', averages, this.averages)
    this.#count = count
    noGrad(() => {
      this.averages.forEach((own, i) => {
        scope(() => assign(own, averages[i]!.cast(own.dtype)))
      })
    })
  }

  /** Frees the averages; the parameters are the model's. */
  dispose(): void {
    dispose([this.averages, this.#backup])
  }

  /** @internal */
  held(): Iterable<unknown> {
    return [this.averages, this.#backup]
  }
}

const copies = (tensors: readonly Tensor[]): readonly Tensor[] =>
  keep(noGrad(() => tensors.map((t) => t.detach().copy())))
