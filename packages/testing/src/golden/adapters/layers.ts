import {
  Bilinear,
  cosineSimilarity,
  embedding,
  embeddingBag,
  GLU,
  groupNorm,
  instanceNorm,
  layerNorm,
  normalize,
  normalizeWeight,
  pairwiseDistance,
  Softmin,
  spectralNormalize,
} from '@nablajs/nn'
import type { Tensor } from '@nablajs/tensor'
import type { Args } from '../args.ts'
import type { CaseInputs } from '../inputs.ts'
import {
  type AdapterTable,
  axisOf,
  channelsLast,
  channelsSecond,
  gives,
  keepdimOf,
  onX,
} from './adapter.ts'

const affineOf = (inputs: CaseInputs, args: Args) => ({
  weight: inputs.optional('weight'),
  bias: inputs.optional('bias'),
  eps: args.number('eps', 1e-5),
})

const imageOf = (inputs: CaseInputs): Tensor => channelsLast(inputs.get('x'))

export const layerAdapters: AdapterTable = {
  layer_norm: (inputs, args) =>
    gives(
      layerNorm(inputs.get('x'), [args.sizes('normalized_shape')].flat(), affineOf(inputs, args)),
    ),
  group_norm: (inputs, args) => {
    const groups = args.number('num_groups')
    return gives(channelsSecond(groupNorm(imageOf(inputs), groups, affineOf(inputs, args))))
  },
  instance_norm: (inputs, args) =>
    gives(channelsSecond(instanceNorm(imageOf(inputs), affineOf(inputs, args)))),
  weight_norm: (inputs, args) =>
    gives(normalizeWeight(inputs.get('v'), inputs.get('gg'), args.number('dim', 0))),
  spectral_norm: (inputs, args) => {
    const { weight, u } = spectralNormalize(inputs.get('w'), inputs.get('_u'), undefined, {
      nPowerIterations: args.number('n_power_iterations', 1),
      eps: args.number('eps', 1e-12),
    })
    return gives(weight, u)
  },
  embedding: (inputs, args) => {
    const paddingIdx = args.has('padding_idx') ? args.number('padding_idx') : undefined
    return gives(embedding(inputs.get('idx'), inputs.get('weight'), { paddingIdx }))
  },
  embedding_bag: (inputs, args) => {
    const mode = args.choice<'sum' | 'mean' | 'max'>('mode', ['sum', 'mean', 'max'], 'mean')
    const offsets = inputs.optional('offsets')
    const perSampleWeights = inputs.optional('per_sample_weights')
    const options = { mode, offsets, perSampleWeights }
    return gives(embeddingBag(inputs.get('idx'), inputs.get('weight'), options))
  },
  bilinear: (inputs) => {
    const weight = inputs.get('weight')
    const [out, first, second] = weight.shape as [number, number, number]
    const layer = new Bilinear(first, second, out)
    layer.weight = weight
    layer.bias = inputs.optional('bias')
    return gives(layer.forward(inputs.get('x1'), inputs.get('x2')))
  },
  softmin: onX((x, args) => new Softmin(axisOf(args)).forward(x)),
  glu: onX((x, args) => new GLU(args.number('dim', -1)).forward(x)),
  normalize: onX((x, args) =>
    normalize(x, { p: args.number('p', 2), axis: args.number('dim', 1) }),
  ),
  cosine_similarity: (inputs, args) =>
    gives(
      cosineSimilarity(inputs.get('x1'), inputs.get('x2'), {
        axis: args.number('dim', 1),
        eps: args.number('eps', 1e-8),
      }),
    ),
  pairwise_distance: (inputs, args) =>
    gives(
      pairwiseDistance(inputs.get('x1'), inputs.get('x2'), {
        p: args.number('p', 2),
        eps: args.number('eps', 1e-6),
        ...keepdimOf(args),
      }),
    ),
}
