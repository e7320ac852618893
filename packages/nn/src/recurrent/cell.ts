/**
 * The equations of recurrent cells, for one step in time. The input's part of all gates comes
 * projected, because a layer does that for all times at once.
 */
import { addmm, type FloatDType, type Tensor } from '@nablajs/tensor'
import { mapProgram, program, type Scalar } from '@nablajs/tensor/program'
import { memoize } from '../memoize.ts'
import { unstack } from './unstack.ts'

/** The parameters of a cell, under PyTorch's names. */
export interface CellWeights {
  readonly weightIh: Tensor
  readonly weightHh: Tensor
  readonly biasIh: Tensor | undefined
  readonly biasHh: Tensor | undefined
  /** The projection of an LSTM's output. */
  readonly weightHr?: Tensor | undefined
}

export interface CellKind {
  /** How many blocks of hidden size the weights have. */
  readonly gates: number
  /** How many tensors a state is: the output, and what else goes on to the next step. */
  readonly states: 1 | 2
  /** From the projected input `[N, gates·H]` and a state the next one. */
  step(input: Tensor, state: readonly Tensor[], weights: CellWeights): Tensor[]
  /** Whether the second bias is simply added to the first. */
  readonly oneBias: boolean
}

/** `x W_ihᵀ + b`, for all times at once. */
export function projectInput(kind: CellKind, x: Tensor, weights: CellWeights): Tensor {
  const { weightIh, biasIh, biasHh } = weights
  const weight = weightIh.transpose()
  if (!biasIh || !biasHh) return x.matmul(weight)
  return addmm(kind.oneBias ? biasIh.add(biasHh) : biasIh, x, weight)
}

/** Of both signs without overflow: `1 / (1 + e⁻ˣ)`. */
const sigmoid = (x: Scalar): Scalar => x.mul(0.5).tanh().add(1).mul(0.5)

const programs = memoize(({ dtype }: { dtype: FloatDType }) => {
  const build = (name: string, inputs: number, body: (...leaves: Scalar[]) => Scalar) =>
    program({ name, inputs: Array.from({ length: inputs }, () => dtype) }, body)
  return {
    tanh: build('rnn', 2, (x, h) => x!.add(h!).tanh()),
    relu: build('rnn', 2, (x, h) => x!.add(h!).max(0)),
    memory: build('lstm', 4, (input, forget, candidate, c) =>
      sigmoid(forget!).mul(c!).add(sigmoid(input!).mul(candidate!.tanh())),
    ),
    output: build('lstm', 2, (output, c) => sigmoid(output!).mul(c!.tanh())),
    gru: build('gru', 7, (...leaves) => {
      const [xr, xz, xn, hr, hz, hn, h] = leaves as [
        Scalar,
        Scalar,
        Scalar,
        Scalar,
        Scalar,
        Scalar,
        Scalar,
      ]
      const update = sigmoid(xz.add(hz))
      const candidate = xn.add(sigmoid(xr.add(hr)).mul(hn)).tanh()
      return candidate.add(update.mul(h.sub(candidate)))
    }),
  }
})

const programsFor = (t: Tensor) => programs({ dtype: t.dtype as FloatDType })

/** The blocks of gates, `[N, gates·H]` as one `[N, H]` each. */
function split(t: Tensor, gates: number): Tensor[] {
  const [count, width] = t.shape as [number, number]
  return unstack(t.reshape([count, gates, width / gates]), 1)
}

/** `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`, or with `max(·, 0)`. Elman, 1990. */
export function rnnKind(nonlinearity: 'tanh' | 'relu'): CellKind {
  return {
    gates: 1,
    states: 1,
    oneBias: true,
    step: (x, [h], { weightHh }) => [
      mapProgram(programsFor(x)[nonlinearity], [x, h!.matmul(weightHh.transpose()).cast(x.dtype)]),
    ],
  }
}

/** Gates in the order input, forget, candidate, output. Hochreiter & Schmidhuber, 1997. */
export const lstmKind: CellKind = {
  gates: 4,
  states: 2,
  oneBias: true,
  step(x, [h, c], { weightHh, weightHr }) {
    const own = programsFor(x)
    const gates = x.add(h!.matmul(weightHh.transpose())).cast(x.dtype)
    const [input, forget, candidate, output] = split(gates, 4) as [Tensor, Tensor, Tensor, Tensor]
    const memory = mapProgram(own.memory, [input, forget, candidate, c!.cast(x.dtype)])
    const next = mapProgram(own.output, [output, memory])
    return [weightHr ? next.matmul(weightHr.transpose()) : next, memory]
  },
}

/** Gates in the order reset, update, candidate. Cho et al., arXiv 1406.1078, with PyTorch's reset. */
export const gruKind: CellKind = {
  gates: 3,
  states: 1,
  // The reset gate multiplies the candidate's hidden part with its bias.
  oneBias: false,
  step(x, [h], { weightHh, biasHh }) {
    const weight = weightHh.transpose()
    const hidden = biasHh ? addmm(biasHh, h!, weight) : h!.matmul(weight)
    const parts = [...split(x, 3), ...split(hidden.cast(x.dtype), 3)]
    return [mapProgram(programsFor(x).gru, [...parts, h!.cast(x.dtype)])]
  },
}
