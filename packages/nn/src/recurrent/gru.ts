import type { Tensor } from '@nablajs/tensor'
import { gruKind } from './cell.ts'
import { Recurrent, type RecurrentOptions } from './layer.ts'
import type { RecurrentResult } from './rnn.ts'

/**
 * Gated recurrent units, with the reset gate r, the update gate z and the candidate n:
 *
 * ```
 * r = σ(W_ir x + b_ir + W_hr h + b_hr)
 * z = σ(W_iz x + b_iz + W_hz h + b_hz)
 * n = tanh(W_in x + b_in + r (W_hn h + b_hn))
 * h' = (1 - z) n + z h
 * ```
 *
 * Shapes are those of `RNN`. Cho et al.: "Learning Phrase Representations using RNN
 * Encoder-Decoder", arXiv 1406.1078; there r multiplies h itself.
 *
 * @example
 * ```ts
 * const [output, hN] = new GRU(10, 20, { bidirectional: true }).forward(zeros([5, 3, 10]))
 * output.shape   // [5, 3, 40]
 * ```
 */
export class GRU extends Recurrent<[x: Tensor, h0?: Tensor], RecurrentResult> {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(gruKind, inputSize, hiddenSize, options)
  }

  /** @throws ShapeError when input or h0 do not fit. */
  forward(x: Tensor, h0?: Tensor): RecurrentResult {
    const [output, states] = this.run(x, h0 && [h0])
    return [output, states[0]!]
  }
}
