import type { Tensor } from '@nablajs/tensor'
import { rnnKind } from './cell.ts'
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
