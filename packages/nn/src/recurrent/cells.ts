import { ShapeError, showShape, type Tensor, zeros } from '@nablajs/tensor'
import { drawParameter, type FactoryOptions } from '../layers/factory.ts'
import { Module } from '../module.ts'
import { type CellKind, gruKind, lstmKind, projectInput, rnnKind } from './cell.ts'
import type { LSTMState } from './lstm.ts'

export interface CellOptions extends FactoryOptions {
  /** Whether to add biases. Default true. */
  bias?: boolean
}

/** One step in time of one layer; what goes in and out is the subclass's. */
abstract class Cell<Inputs extends unknown[], Output> extends Module<Inputs, Output> {
  readonly inputSize: number
  readonly hiddenSize: number
  weightIh: Tensor
  weightHh: Tensor
  biasIh: Tensor | undefined
  biasHh: Tensor | undefined
  readonly #kind: CellKind

  constructor(kind: CellKind, inputSize: number, hiddenSize: number, options: CellOptions) {
    super()
    const { bias = true } = options
    const rows = kind.gates * hiddenSize
    this.#kind = kind
    this.inputSize = inputSize
    this.hiddenSize = hiddenSize
    this.weightIh = drawParameter([rows, inputSize], hiddenSize, options)
    this.weightHh = drawParameter([rows, hiddenSize], hiddenSize, options)
    this.biasIh = bias ? drawParameter([rows], hiddenSize, options) : undefined
    this.biasHh = bias ? drawParameter([rows], hiddenSize, options) : undefined
  }

  protected step(x: Tensor, given: readonly Tensor[] | undefined): Tensor[] {
    const { inputSize, hiddenSize } = this
    if ((x.rank !== 1 && x.rank !== 2) || x.shape.at(-1) !== inputSize)
      throw new ShapeError(
        `${this}: the input is ${showShape(x.shape)}; it must be [N, ${inputSize}] or [${inputSize}]`,
      )
    const wanted = [...x.shape.slice(0, -1), hiddenSize]
    given?.forEach((t, i) => {
      if (t.shape.join() !== wanted.join())
        throw new ShapeError(
          `${this}: ${i === 0 ? 'h' : 'c'} is ${showShape(t.shape)}; it must be ${showShape(wanted)}`,
        )
    })
    const { dtype, device } = x
    const count = this.#kind.states
    const state = given ?? Array.from({ length: count }, () => zeros(wanted, { dtype, device }))
    const rows = (t: Tensor): Tensor => (x.rank === 1 ? t.unsqueeze(0) : t)
    const projected = projectInput(this.#kind, rows(x), this)
    const next = this.#kind.step(projected, state.map(rows), this)
    return x.rank === 1 ? next.map((t) => t.squeeze(0)) : next
  }

  override extraRepr(): string {
    return `${this.inputSize}, ${this.hiddenSize}${this.biasIh ? '' : ', bias=false'}`
  }
}

export interface RNNCellOptions extends CellOptions {
  /** Default `'tanh'`. */
  nonlinearity?: 'tanh' | 'relu'
}

/**
 * One step of an `RNN`: input `[N, inputSize]` (or `[inputSize]`) and h `[N, hiddenSize]`
 * (zeros if left out), output the next h.
 *
 * @example
 * ```ts
 * const cell = new RNNCell(10, 20)
 * let h = cell.forward(first)
 * h = cell.forward(second, h)
 * ```
 */
export class RNNCell extends Cell<[x: Tensor, h?: Tensor], Tensor> {
  constructor(inputSize: number, hiddenSize: number, options: RNNCellOptions = {}) {
    super(rnnKind(options.nonlinearity ?? 'tanh'), inputSize, hiddenSize, options)
  }

  /** @throws ShapeError when input or h do not fit. */
  forward(x: Tensor, h?: Tensor): Tensor {
    return this.step(x, h && [h])[0]!
  }
}

/** One step of a `GRU`; shapes are those of {@link RNNCell}. */
export class GRUCell extends Cell<[x: Tensor, h?: Tensor], Tensor> {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(gruKind, inputSize, hiddenSize, options)
  }

  /** @throws ShapeError when input or h do not fit. */
  forward(x: Tensor, h?: Tensor): Tensor {
    return this.step(x, h && [h])[0]!
  }
}

/** One step of an `LSTM`: from x and the pair `[h, c]` to the next pair. */
export class LSTMCell extends Cell<[x: Tensor, state?: LSTMState], [h: Tensor, c: Tensor]> {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(lstmKind, inputSize, hiddenSize, options)
  }

  /** @throws ShapeError when input or state do not fit. */
  forward(x: Tensor, state?: LSTMState): [h: Tensor, c: Tensor] {
    const [h, c] = this.step(x, state)
    return [h!, c!]
  }
}
