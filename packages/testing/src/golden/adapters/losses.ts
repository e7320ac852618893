import {
  bceWithLogits,
  binaryCrossEntropy,
  cosineEmbeddingLoss,
  crossEntropy,
  ctcLoss,
  gaussianNllLoss,
  hingeEmbeddingLoss,
  huberLoss,
  klDiv,
  l1Loss,
  marginRankingLoss,
  mseLoss,
  multilabelMarginLoss,
  multilabelSoftMarginLoss,
  multiMarginLoss,
  nllLoss,
  poissonNllLoss,
  type Reduction,
  smoothL1Loss,
  softMarginLoss,
  tripletMarginLoss,
} from '@nablajs/nn'
import { logSoftmax, type Tensor } from '@nablajs/tensor'
import type { Args } from '../args.ts'
import type { CaseInputs } from '../inputs.ts'
import { type Adapter, type AdapterTable, channelsLast, gives } from './adapter.ts'

const reductionOf = (args: Args): { reduction: Reduction } => ({
  reduction: args.choice('reduction', ['mean', 'sum', 'none'], 'mean'),
})

const weightOf = (inputs: CaseInputs): { weight?: Tensor } => {
  const weight = inputs.optional('_weight')
  return weight ? { weight } : {}
}

/** Input and target, under the name that says whether the target has a gradient. */
const pairOf = (inputs: CaseInputs): [Tensor, Tensor] => [
  inputs.get('input'),
  inputs.optional('target') ?? inputs.get('_target'),
]

type Loss<Options> = (input: Tensor, target: Tensor, options: Options) => Tensor

/** A loss of input and target, with the options that `read` finds beside the reduction. */
const loss =
  <Options>(
    of: Loss<Options & { reduction: Reduction }>,
    read: (args: Args, inputs: CaseInputs) => Options,
  ): Adapter =>
  (inputs, args) =>
    gives(of(...pairOf(inputs), { ...read(args, inputs), ...reductionOf(args) }))

const none = () => ({})

export const lossAdapters: AdapterTable = {
  l1_loss: loss(l1Loss, none),
  mse_loss: loss(mseLoss, none),
  smooth_l1_loss: loss(smoothL1Loss, (args) => ({ beta: args.number('beta', 1) })),
  huber_loss: loss(huberLoss, (args) => ({ delta: args.number('delta', 1) })),
  binary_cross_entropy: loss(binaryCrossEntropy, (_, inputs) => weightOf(inputs)),
  binary_cross_entropy_with_logits: loss(bceWithLogits, (_, inputs) => {
    const posWeight = inputs.optional('_pos_weight')
    return { ...weightOf(inputs), ...(posWeight && { posWeight }) }
  }),
  cross_entropy: loss(
    (input, target, options) => crossEntropy(channelsLast(input), target, options),
    (args, inputs) => ({
      labelSmoothing: args.number('label_smoothing', 0),
      ignoreIndex: args.number('ignore_index', -100),
      ...weightOf(inputs),
    }),
  ),
  cross_entropy_prob: loss(
    (input, target, options) => crossEntropy(channelsLast(input), channelsLast(target), options),
    (args, inputs) => ({
      labelSmoothing: args.number('label_smoothing', 0),
      ...weightOf(inputs),
    }),
  ),
  nll_loss: loss(
    (input, target, options) => nllLoss(channelsLast(input), target, options),
    (args, inputs) => ({ ignoreIndex: args.number('ignore_index', -100), ...weightOf(inputs) }),
  ),
  kl_div: (inputs, args) =>
    gives(
      klDiv(...pairOf(inputs), {
        logTarget: args.boolean('log_target', false),
        reduction: args.choice('reduction', ['mean', 'sum', 'none', 'batchmean'], 'mean'),
      }),
    ),
  hinge_embedding_loss: loss(hingeEmbeddingLoss, (args) => ({ margin: args.number('margin', 1) })),
  soft_margin_loss: loss(softMarginLoss, none),
  multi_margin_loss: loss(multiMarginLoss, (args, inputs) => ({
    p: args.number('p', 1) as 1 | 2,
    margin: args.number('margin', 1),
    ...weightOf(inputs),
  })),
  multilabel_margin_loss: loss(multilabelMarginLoss, none),
  multilabel_soft_margin_loss: loss(multilabelSoftMarginLoss, (_, inputs) => weightOf(inputs)),
  poisson_nll_loss: loss(poissonNllLoss, (args) => ({
    logInput: args.boolean('log_input', true),
    full: args.boolean('full', false),
    eps: args.number('eps', 1e-8),
  })),
  gaussian_nll_loss: (inputs, args) =>
    gives(
      gaussianNllLoss(...pairOf(inputs), inputs.get('var'), {
        full: args.boolean('full', false),
        eps: args.number('eps', 1e-6),
        ...reductionOf(args),
      }),
    ),
  margin_ranking_loss: (inputs, args) =>
    gives(
      marginRankingLoss(inputs.get('input1'), inputs.get('input2'), inputs.get('_target'), {
        margin: args.number('margin', 0),
        ...reductionOf(args),
      }),
    ),
  cosine_embedding_loss: (inputs, args) =>
    gives(
      cosineEmbeddingLoss(inputs.get('input1'), inputs.get('input2'), inputs.get('_target'), {
        margin: args.number('margin', 0),
        ...reductionOf(args),
      }),
    ),
  triplet_margin_loss: (inputs, args) =>
    gives(
      tripletMarginLoss(inputs.get('anchor'), inputs.get('positive'), inputs.get('negative'), {
        margin: args.number('margin', 1),
        p: args.number('p', 2),
        swap: args.boolean('swap', false),
        eps: args.number('eps', 1e-6),
        ...reductionOf(args),
      }),
    ),
  ctc_loss: (inputs, args) => {
    const lengths = (name: string) => [args.sizes(name)].flat()
    return gives(
      ctcLoss(
        logSoftmax(inputs.get('logits'), -1),
        inputs.get('targets'),
        lengths('input_lengths'),
        lengths('target_lengths'),
        {
          blank: args.number('blank', 0),
          zeroInfinity: args.boolean('zero_infinity', false),
          ...reductionOf(args),
        },
      ),
    )
  },
}
