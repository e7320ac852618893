/** The losses of the golden files that `op-adapters.ts` does not have. */

import type { Reduction } from '@nablajs/nn'
import * as nn from '@nablajs/nn'
import type { Tensor } from '@nablajs/tensor'
import type { Args } from './args.ts'
import type { Adapter } from './op-adapters.ts'
import type { CaseInputs } from './ops.ts'

const reductionOf = (args: Args): { reduction: Reduction } => ({
  reduction: args.choice('reduction', ['mean', 'sum', 'none'], 'mean'),
})

const weightOf = (inputs: CaseInputs): { weight?: Tensor } => {
  const weight = inputs.optional('_weight')
  return weight ? { weight } : {}
}

/** A loss of `input` and a target that has no gradient. */
const ofTarget =
  (
    loss: (
      input: Tensor,
      target: Tensor,
      options: { reduction: Reduction; weight?: Tensor },
      args: Args,
    ) => Tensor,
    target = '_target',
  ): Adapter =>
  (inputs, args) => ({
    outputs: [
      loss(
        inputs.get('input'),
        inputs.get(target),
        { ...reductionOf(args), ...weightOf(inputs) },
        args,
      ),
    ],
  })

const marginOf = (args: Args): { margin?: number } =>
  args.has('margin') ? { margin: args.number('margin') } : {}

export const lossAdapters: Readonly<Record<string, Adapter>> = {
  binary_cross_entropy: ofTarget((x, y, options) => nn.binaryCrossEntropy(x, y, options)),
  kl_div: ofTarget((x, y, options, args) =>
    nn.klDiv(x, y, { logTarget: args.boolean('log_target', false), ...options }),
  ),
  poisson_nll_loss: ofTarget((x, y, options, args) =>
    nn.poissonNllLoss(x, y, {
      logInput: args.boolean('log_input', true),
      full: args.boolean('full', false),
      eps: args.number('eps', 1e-8),
      ...options,
    }),
  ),
  gaussian_nll_loss: (inputs, args) => ({
    outputs: [
      nn.gaussianNllLoss(inputs.get('input'), inputs.get('target'), inputs.get('var'), {
        full: args.boolean('full', false),
        eps: args.number('eps', 1e-6),
        ...reductionOf(args),
      }),
    ],
  }),
  hinge_embedding_loss: ofTarget((x, y, options, args) =>
    nn.hingeEmbeddingLoss(x, y, { ...marginOf(args), ...options }),
  ),
  soft_margin_loss: ofTarget((x, y, options) => nn.softMarginLoss(x, y, options)),
  multi_margin_loss: ofTarget(
    (x, y, options, args) =>
      nn.multiMarginLoss(x, y, {
        p: args.number('p', 1) === 2 ? 2 : 1,
        ...marginOf(args),
        ...options,
      }),
    'target',
  ),
  multilabel_margin_loss: ofTarget(
    (x, y, options) => nn.multilabelMarginLoss(x, y, options),
    'target',
  ),
  multilabel_soft_margin_loss: ofTarget((x, y, options) =>
    nn.multilabelSoftMarginLoss(x, y, options),
  ),
  margin_ranking_loss: (inputs, args) => ({
    outputs: [
      nn.marginRankingLoss(inputs.get('input1'), inputs.get('input2'), inputs.get('_target'), {
        ...marginOf(args),
        ...reductionOf(args),
      }),
    ],
  }),
  cosine_embedding_loss: (inputs, args) => ({
    outputs: [
      nn.cosineEmbeddingLoss(inputs.get('input1'), inputs.get('input2'), inputs.get('_target'), {
        ...marginOf(args),
        ...reductionOf(args),
      }),
    ],
  }),
  triplet_margin_loss: (inputs, args) => ({
    outputs: [
      nn.tripletMarginLoss(inputs.get('anchor'), inputs.get('positive'), inputs.get('negative'), {
        p: args.number('p', 2),
        eps: args.number('eps', 1e-6),
        swap: args.boolean('swap', false),
        ...marginOf(args),
        ...reductionOf(args),
      }),
    ],
  }),
  ctc_loss: (inputs, args) => ({
    outputs: [
      nn.ctcLoss(
        inputs.get('logits').logSoftmax(-1),
        inputs.get('targets'),
        [args.sizes('input_lengths')].flat(),
        [args.sizes('target_lengths')].flat(),
        {
          blank: args.number('blank', 0),
          zeroInfinity: args.boolean('zero_infinity', false),
          ...reductionOf(args),
        },
      ),
    ],
  }),
}
