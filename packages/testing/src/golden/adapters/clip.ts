import { clipGradNorm } from '@nablajs/optim'
import { type AdapterTable, gives } from './adapter.ts'

/** What is done to the gradients of parameters. */
export const clipAdapters: AdapterTable = {
  clip_grad_norm: (inputs, args) => {
    const gradients = inputs.all().map((g) => g.detach().copy())
    const parameters = gradients.map((g) => {
      const parameter = g.zerosLike()
      parameter.requiresGrad = true
      parameter.grad = g
      return parameter
    })
    const total = clipGradNorm(parameters, args.number('max_norm'), {
      normType: args.number('norm_type', 2),
    })
    return gives(...parameters.map(({ grad }) => grad!.detach()), total)
  },
}
