import { groupNorm, instanceNorm, layerNorm, normalizeWeight, spectralNormalize } from '@nablajs/nn'
import type { Tensor } from '@nablajs/tensor'
import type { Args } from '../args.ts'
import type { CaseInputs } from '../inputs.ts'
import { type AdapterTable, channelsLast, channelsSecond, gives } from './adapter.ts'

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
}
