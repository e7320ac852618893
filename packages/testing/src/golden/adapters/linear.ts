import { Linear } from '@nablajs/nn'
import { cdist, einsum, matmul } from '@nablajs/tensor'
import { type AdapterTable, gives } from './adapter.ts'

export const linearAdapters: AdapterTable = {
  matmul: (inputs) => gives(matmul(inputs.get('a'), inputs.get('b'))),
  einsum: (inputs, args) => gives(einsum(args.string('equation'), ...inputs.all())),
  cdist: (inputs, args) => gives(cdist(inputs.get('x1'), inputs.get('x2'), args.number('p', 2))),
  linear: (inputs) => {
    const weight = inputs.get('weight')
    const [out, into] = weight.shape as [number, number]
    const layer = new Linear(into, out)
    layer.weight = weight
    layer.bias = inputs.optional('bias')
    return gives(layer.forward(inputs.get('x')))
  },
}
