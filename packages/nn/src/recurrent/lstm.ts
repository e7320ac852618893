import type { Tensor } from '@nablajs/tensor'
import { lstmKind } from './cell.ts'
import { Recurrent, type RecurrentOptions } from './layer.ts'

export interface LSTMOptions extends RecurrentOptions {
  /** The size to which outputs are projected; 0 for none. Default 0. */
  projSize?: number
}

/** What an LSTM hands from time to time: its output and its memory. */
export type LSTMState = readonly [h: Tensor, c: Tensor]

/** The outputs of all times, and the last states of all cells. */
export type LSTMResult = [output: Tensor, state: [hN: Tensor, cN: Tensor]]

/**
 * Long short-term memory, with the gates i, f and o, the candidate g and the memory c:
 *
 * ```
 * i = σ(W_ii x + b_ii + W_hi h + b_hi)        g = tanh(W_ig x + b_ig + W_hg h + b_hg)
 * f = σ(W_if x + b_if + W_hf h + b_hf)        o = σ(W_io x + b_io + W_ho h + b_ho)
 * c' = f c + i g                              h' = o tanh(c')
 * ```
 *
 * With `projSize` the output is `W_hr h'`. Shapes are those of `RNN`; the state is a pair of
 * `[layers · directions, N, projSize or hiddenSize]` and `[layers · directions, N, hiddenSize]`.
 *
 * Hochreiter & Schmidhuber: "Long Short-Term Memory", 1997; forget gates: Gers et al., 2000;
 * projections: Sak et al., arXiv 1402.1128.
 *
 * @example
 * ```ts
 * const [output, [hN, cN]] = new LSTM(10, 20).forward(zeros([5, 3, 10]))
 * ```
 */
export class LSTM extends Recurrent<[x: Tensor, state?: LSTMState], LSTMResult> {
  constructor(inputSize: number, hiddenSize: number, options: LSTMOptions = {}) {
    super(lstmKind, inputSize, hiddenSize, options)
  }

  /** @throws ShapeError when input or state do not fit. */
  forward(x: Tensor, state?: LSTMState): LSTMResult {
    const [output, states] = this.run(x, state)
    return [output, [states[0]!, states[1]!]]
  }
}
