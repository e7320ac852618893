import type { Tensor } from '@nablajs/tensor'
import { gruKind, lstmKind, rnnKind } from './cell.ts'
import { Recurrent, type RecurrentOptions } from './layer.ts'

export interface RNNOptions extends RecurrentOptions {
  /** Default `'tanh'`. */
  nonlinearity?: 'tanh' | 'relu'
}

/** The outputs of all times, and the last states of all cells. */
export type RecurrentResult = [output: Tensor, hN: Tensor]

/**
 * A plain recurrent network: `h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh)`, or with ReLU.
 *
 * Input `[T, N, inputSize]` (`[N, T, inputSize]` with `batchFirst`, `[T, inputSize]` for one
 * sequence) and `h0` `[layers · directions, N, hiddenSize]`, zeros if left out. Output
 * `[T, N, directions · hiddenSize]` of the last layer, and `hN`, which looks as `h0`.
 *
 * Parameters have PyTorch's names (`weight_ih_l0`, `bias_hh_l1_reverse`) and start uniform in
 * ±1/√hiddenSize. Elman: "Finding Structure in Time", 1990.
 *
 * @example
 * ```ts
 * const [output, hN] = new RNN(10, 20, { numLayers: 2 }).forward(zeros([5, 3, 10]))
 * output.shape   // [5, 3, 20]
 * hN.shape       // [2, 3, 20]
 * ```
 */
export class RNN extends Recurrent<[x: Tensor, h0?: Tensor], RecurrentResult> {
  constructor(inputSize: number, hiddenSize: number, options: RNNOptions = {}) {
    super(rnnKind(options.nonlinearity ?? 'tanh'), inputSize, hiddenSize, options)
  }

  /** @throws ShapeError when input or h0 do not fit. */
  forward(x: Tensor, h0?: Tensor): RecurrentResult {
    const [output, states] = this.run(x, h0 && [h0])
    return [output, states[0]!]
  }
}

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
 * Shapes are those of {@link RNN}. Cho et al.: "Learning Phrase Representations using RNN
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
 * With `projSize` the output is `W_hr h'`. Shapes are those of {@link RNN}; the state is a pair of
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
