/** The group `rnn`: recurrent layers and cells, attention and transformer layers. */
import {
  type AnyModule,
  GRU,
  GRUCell,
  LSTM,
  LSTMCell,
  MultiheadAttention,
  type RecurrentOptions,
  RNN,
  RNNCell,
  TransformerDecoderLayer,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from '@nablajs/nn'
import { type Backend, type Tensor, tensor } from '@nablajs/tensor'
import { type Adapter, type AdapterTable, gives } from './adapters/adapter.ts'
import type { Args } from './args.ts'
import type { Target } from './compare.ts'
import type { GoldenFolder } from './folder.ts'
import type { CaseInputs } from './inputs.ts'
import { runCases } from './ops.ts'
import type { Report } from './report.ts'

const inner = /[A-Z]/g

/** The field of a module that holds an entry of the state dict. */
function fieldOf(module: AnyModule, name: string): string {
  const fields = Object.keys(module)
  const spelled = (field: string): string =>
    field.replace(inner, (letter) => `_${letter.toLowerCase()}`)
  return fields.find((field) => field === name || spelled(field) === name) ?? name
}

/** Puts the tensors of a case in the place of the parameters, so that their gradients are the case's. */
function withParameters<M extends AnyModule>(module: M, inputs: CaseInputs): M {
  for (const name of Object.keys(module.stateDict())) {
    const path = name.split('.')
    let holder: AnyModule = module
    for (const part of path.slice(0, -1))
      holder = Reflect.get(holder, fieldOf(holder, part)) as AnyModule
    const parameter = inputs.get(`p_${path.join('__')}`)
    Reflect.set(holder, fieldOf(holder, path.at(-1)!), parameter)
  }
  return module
}

const nonlinearityOf = (args: Args): { nonlinearity: 'tanh' | 'relu' } => ({
  nonlinearity: args.choice('nonlinearity', ['tanh', 'relu'], 'tanh'),
})

const sizesOf = (args: Args): [number, number] => [
  args.number('input_size'),
  args.number('hidden_size'),
]

const biasOf = (args: Args): { bias: boolean } => ({ bias: args.boolean('bias', true) })

const recurrentOf = (args: Args): RecurrentOptions => ({
  numLayers: args.number('num_layers', 1),
  batchFirst: args.boolean('batch_first', false),
  bidirectional: args.boolean('bidirectional', false),
  dropout: args.number('dropout', 0),
  ...biasOf(args),
})

/** What layers and cells with one tensor of state have in common. */
interface Stepping {
  forward(x: Tensor, h?: Tensor): Tensor | [Tensor, Tensor]
}

/** Layers and cells of x and one tensor of state. */
const simple =
  (make: (args: Args) => AnyModule & Stepping, state: string): Adapter =>
  (inputs, args) => {
    const layer = withParameters(make(args), inputs)
    return gives(...[layer.forward(inputs.get('x'), inputs.optional(state))].flat())
  }

/** The two tensors of an LSTM's state. */
const pairOf = (inputs: CaseInputs, h: string, c: string): [Tensor, Tensor] | undefined => {
  const [first, second] = [inputs.optional(h), inputs.optional(c)]
  return first && second && [first, second]
}

const adapters: AdapterTable = {
  RNN: simple(
    (args) => new RNN(...sizesOf(args), { ...recurrentOf(args), ...nonlinearityOf(args) }),
    'h0',
  ),
  GRU: simple((args) => new GRU(...sizesOf(args), recurrentOf(args)), 'h0'),
  RNNCell: simple(
    (args) => new RNNCell(...sizesOf(args), { ...biasOf(args), ...nonlinearityOf(args) }),
    'h',
  ),
  GRUCell: simple((args) => new GRUCell(...sizesOf(args), biasOf(args)), 'h'),
  LSTM: (inputs, args) => {
    const projSize = args.number('proj_size', 0)
    const layer = new LSTM(...sizesOf(args), { ...recurrentOf(args), projSize })
    withParameters(layer, inputs)
    const [output, [h, c]] = layer.forward(inputs.get('x'), pairOf(inputs, 'h0', 'c0'))
    return gives(output, h, c)
  },
  LSTMCell: (inputs, args) => {
    const cell = withParameters(new LSTMCell(...sizesOf(args), biasOf(args)), inputs)
    return gives(...cell.forward(inputs.get('x'), pairOf(inputs, 'h', 'c')))
  },
}

/** The padding mask that comes among the arguments. */
function paddingOf(args: Args, { device }: Tensor): { keyPaddingMask?: Tensor } {
  if (!args.has('key_padding_mask')) return {}
  const rows = args.rows('key_padding_mask')
  return { keyPaddingMask: tensor(rows, { dtype: 'bool', device }) }
}

const attention: Adapter = (inputs, args) => {
  const [q, k, v] = [inputs.get('q'), inputs.get('k'), inputs.get('v')]
  const embedDim = args.number('embed_dim')
  const layer = new MultiheadAttention(embedDim, args.number('num_heads'), {
    kdim: args.number('kdim', embedDim),
    vdim: args.number('vdim', embedDim),
    addBiasKv: args.boolean('add_bias_kv', false),
    addZeroAttn: args.boolean('add_zero_attn', false),
    batchFirst: args.boolean('batch_first', false),
    dropout: args.number('dropout', 0),
    ...biasOf(args),
  })
  const isCausal = args.has('mask') && args.choice('mask', ['causal', 'kpm'] as const) === 'causal'
  const averageAttnWeights = args.boolean('average_attn_weights', true)
  const options = { isCausal, averageAttnWeights, ...paddingOf(args, q) }
  const [output, weights] = withParameters(layer, inputs).forward(q, k, v, options)
  return gives(output, weights!)
}

const transformerOf = (args: Args): [number, number, TransformerLayerOptions] => [
  args.number('d_model'),
  args.number('nhead'),
  {
    dimFeedforward: args.number('dim_feedforward', 2048),
    dropout: args.number('dropout', 0.1),
    activation: args.choice<'relu' | 'gelu'>('activation', ['relu', 'gelu'], 'relu'),
    normFirst: args.boolean('norm_first', false),
    layerNormEps: args.number('layer_norm_eps', 1e-5),
    ...biasOf(args),
    batchFirst: args.boolean('batch_first', false),
  },
]

const transformers: AdapterTable = {
  MultiheadAttention: attention,
  TransformerEncoderLayer: (inputs, args) => {
    const layer = withParameters(new TransformerEncoderLayer(...transformerOf(args)), inputs)
    return gives(layer.forward(inputs.get('x')))
  },
  TransformerDecoderLayer: (inputs, args) => {
    const layer = withParameters(new TransformerDecoderLayer(...transformerOf(args)), inputs)
    return gives(layer.forward(inputs.get('x'), inputs.get('mem')))
  },
}

export function runRnn(folder: GoldenFolder, device: Backend, target: Target): Promise<Report> {
  return runCases('rnn', { ...adapters, ...transformers }, folder, device, target)
}
