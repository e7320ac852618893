/** What RNN, LSTM and GRU layers share: layers, directions, and the walk through time. */
import {
  ArgumentError,
  concat,
  defaultGenerator,
  dropout,
  type Generator,
  ShapeError,
  showShape,
  stack,
  type Tensor,
  zeros,
} from '@nablajs/tensor'
import { drawParameter, type FactoryOptions } from '../layers/factory.ts'
import { Module } from '../module.ts'
import { type CellKind, type CellWeights, projectInput } from './cell.ts'
import { unstack } from './unstack.ts'

export interface RecurrentOptions extends FactoryOptions {
  /** How many layers: each takes the outputs of the one before. Default 1. */
  numLayers?: number
  /** Whether to add biases. Default true. */
  bias?: boolean
  /** Whether input and output are `[N, T, ...]` instead of `[T, N, ...]`. Default false. */
  batchFirst?: boolean
  /** The probability to drop outputs between layers during training. Default 0. */
  dropout?: number
  /** Whether a second set of cells walks backwards in time; outputs are joined. Default false. */
  bidirectional?: boolean
}

interface Walked {
  readonly outputs: readonly Tensor[]
  readonly state: readonly Tensor[]
}

/** The base of the layers: what goes in and out is theirs. */
export abstract class Recurrent<Inputs extends unknown[], Output> extends Module<Inputs, Output> {
  readonly inputSize: number
  readonly hiddenSize: number
  readonly projSize: number
  readonly numLayers: number
  readonly bias: boolean
  readonly batchFirst: boolean
  readonly dropout: number
  readonly bidirectional: boolean
  readonly #kind: CellKind
  readonly #generator: Generator

  constructor(
    kind: CellKind,
    inputSize: number,
    hiddenSize: number,
    options: RecurrentOptions & { projSize?: number },
  ) {
    super()
    const { numLayers = 1, bias = true, batchFirst = false, bidirectional = false } = options
    const { dropout = 0, projSize = 0 } = options
    const name = this.constructor.name
    for (const [size, least, what] of [
      [inputSize, 1, 'inputSize'],
      [hiddenSize, 1, 'hiddenSize'],
      [numLayers, 1, 'numLayers'],
      [projSize, 0, 'projSize'],
    ] as const)
      if (!Number.isInteger(size) || size < least)
        throw new ArgumentError(
          `${name}: ${what} is ${size}; it must be a whole number >= ${least}`,
        )
    if (projSize >= hiddenSize)
      throw new ArgumentError(
        `${name}: projSize is ${projSize}; it must be below hiddenSize = ${hiddenSize}`,
      )
    if (!(dropout >= 0 && dropout <= 1))
      throw new ArgumentError(`${name}: dropout is ${dropout}; it must be in 0 .. 1`)
    this.#kind = kind
    this.inputSize = inputSize
    this.hiddenSize = hiddenSize
    this.projSize = projSize
    this.numLayers = numLayers
    this.bias = bias
    this.batchFirst = batchFirst
    this.dropout = dropout
    this.bidirectional = bidirectional
    this.#generator = options.generator ?? defaultGenerator()
    for (const [layer, suffix] of this.#cells()) this.#draw(layer, suffix, options)
  }

  /** The layer and the ending of the parameters' names of each cell. */
  *#cells(): Iterable<readonly [layer: number, suffix: string]> {
    for (let layer = 0; layer < this.numLayers; layer++) {
      yield [layer, `_l${layer}`]
      if (this.bidirectional) yield [layer, `_l${layer}_reverse`]
    }
  }

  /** The fields that hold parameters, by PyTorch's names: they depend on the number of layers. */
  get #fields(): Record<string, Tensor | undefined> {
    return this as unknown as Record<string, Tensor | undefined>
  }

  get #outputSize(): number {
    return this.projSize || this.hiddenSize
  }

  #draw(layer: number, suffix: string, options: FactoryOptions): void {
    const { hiddenSize, projSize } = this
    const directions = this.bidirectional ? 2 : 1
    const width = layer === 0 ? this.inputSize : directions * this.#outputSize
    const rows = this.#kind.gates * hiddenSize
    const make = (name: string, shape: readonly number[]): void => {
      this.#fields[name + suffix] = drawParameter(shape, hiddenSize, options)
    }
    make('weight_ih', [rows, width])
    make('weight_hh', [rows, this.#outputSize])
    if (this.bias) {
      make('bias_ih', [rows])
      make('bias_hh', [rows])
    }
    if (projSize > 0) make('weight_hr', [projSize, hiddenSize])
  }

  #weights(suffix: string): CellWeights {
    const fields = this.#fields
    return {
      weightIh: fields[`weight_ih${suffix}`]!,
      weightHh: fields[`weight_hh${suffix}`]!,
      biasIh: fields[`bias_ih${suffix}`],
      biasHh: fields[`bias_hh${suffix}`],
      weightHr: fields[`weight_hr${suffix}`],
    }
  }

  /**
   * Runs all layers.
   *
   * @param states What cells start from, `[layers · directions, N, size]` for each tensor of a state.
   * @returns The outputs of the last layer, and the last states of all cells.
   */
  protected run(x: Tensor, states: readonly Tensor[] | undefined): [Tensor, Tensor[]] {
    this.#check(x, states)
    const single = x.rank === 2
    let input = single ? x.unsqueeze(1) : this.batchFirst ? x.transpose(0, 1) : x
    const count = input.shape[1]!
    const sizes = [this.#outputSize, this.hiddenSize].slice(0, this.#kind.states)
    const { dtype, device } = x
    const starts = states?.map((t) => unstack(single ? t.unsqueeze(1) : t, 0))
    const last: Tensor[][] = sizes.map(() => [])
    const directions = this.bidirectional ? [1, -1] : [1]
    for (let layer = 0; layer < this.numLayers; layer++) {
      const walked = directions.map((direction, i) => {
        const own = layer * directions.length + i
        const start =
          starts?.map((list) => list[own]!) ??
          sizes.map((size) => zeros([count, size], { dtype, device }))
        const suffix = `_l${layer}${direction < 0 ? '_reverse' : ''}`
        return this.#walk(input, start, this.#weights(suffix), direction)
      })
      for (const { state } of walked) for (const [i, t] of state.entries()) last[i]!.push(t)
      const outputs = walked.map((part) => stack(part.outputs, 0))
      input = outputs.length === 1 ? outputs[0]! : concat(outputs, 2)
      if (this.training && this.dropout > 0 && layer + 1 < this.numLayers)
        input = dropout(input, this.dropout, this.#generator)
    }
    const output = single ? input.squeeze(1) : this.batchFirst ? input.transpose(0, 1) : input
    return [output, last.map((list) => (single ? stack(list, 0).squeeze(1) : stack(list, 0)))]
  }

  /** One cell through all times, in order or against it. */
  #walk(x: Tensor, start: readonly Tensor[], weights: CellWeights, direction: number): Walked {
    const inputs = unstack(projectInput(this.#kind, x, weights), 0)
    const outputs: Tensor[] = []
    let state = start
    for (let i = 0; i < inputs.length; i++) {
      const time = direction > 0 ? i : inputs.length - 1 - i
      state = this.#kind.step(inputs[time]!, state, weights)
      outputs[time] = state[0]!
    }
    return { outputs, state }
  }

  #check(x: Tensor, states: readonly Tensor[] | undefined): void {
    if ((x.rank !== 2 && x.rank !== 3) || x.shape.at(-1) !== this.inputSize)
      throw new ShapeError(
        `${this}: the input is ${showShape(x.shape)}; it must be ` +
          `${this.batchFirst ? '[N, T' : '[T, N'}, ${this.inputSize}] or [T, ${this.inputSize}]`,
      )
    const times = x.shape[x.rank === 3 && this.batchFirst ? 1 : 0]
    if (times === 0) throw new ShapeError(`${this}: the input ${showShape(x.shape)} has no times`)
    const cells = this.numLayers * (this.bidirectional ? 2 : 1)
    states?.forEach((t, i) => {
      const size = i === 0 ? this.#outputSize : this.hiddenSize
      const batch = x.rank === 2 ? [] : [x.shape[this.batchFirst ? 0 : 1]!]
      const wanted = [cells, ...batch, size]
      if (t.shape.join() !== wanted.join())
        throw new ShapeError(
          `${this}: ${i === 0 ? 'h0' : 'c0'} is ${showShape(t.shape)}; it must be ${showShape(wanted)}`,
        )
    })
  }

  override extraRepr(): string {
    const { inputSize, hiddenSize, numLayers, projSize, bias, batchFirst, dropout } = this
    return [
      `${inputSize}, ${hiddenSize}`,
      numLayers === 1 ? '' : `, numLayers=${numLayers}`,
      projSize === 0 ? '' : `, projSize=${projSize}`,
      bias ? '' : ', bias=false',
      batchFirst ? ', batchFirst=true' : '',
      dropout === 0 ? '' : `, dropout=${dropout}`,
      this.bidirectional ? ', bidirectional=true' : '',
    ].join('')
  }
}
