import {
  concat,
  flip,
  gather,
  indexAdd,
  indexSelect,
  oneHot,
  pad,
  permute,
  renorm,
  repeatInterleave,
  roll,
  scatterAdd,
  stack,
  takeAlongDim,
  tril,
  triu,
} from '@nablajs/tensor'
import { type AdapterTable, axisOf, gives, onX } from './adapter.ts'

export const movementAdapters: AdapterTable = {
  flip: onX((x, args) => flip(x, args.sizes('dims'))),
  permute: onX((x, args) => permute(x, [args.sizes('dims')].flat())),
  roll: onX((x, args) =>
    roll(x, args.sizes('shifts'), args.has('dims') ? args.sizes('dims') : undefined),
  ),
  tril: onX((x, args) => tril(x, args.number('diagonal', 0))),
  triu: onX((x, args) => triu(x, args.number('diagonal', 0))),
  repeat_interleave: onX((x, args) =>
    repeatInterleave(x, args.sizes('repeats'), args.has('dim') ? axisOf(args) : undefined),
  ),
  renorm: onX((x, args) => renorm(x, args.number('p'), axisOf(args), args.number('maxnorm'))),
  cat: (inputs, args) => gives(concat(inputs.all(), axisOf(args))),
  stack: (inputs, args) => gives(stack(inputs.all(), axisOf(args))),
  pad: onX((x, args) => {
    const sizes = [args.sizes('pad')].flat()
    // PyTorch counts from the last axis on, before and after.
    const pairs = x.shape.map((_, axis): [number, number] => {
      const from = 2 * (x.rank - 1 - axis)
      return [sizes[from] ?? 0, sizes[from + 1] ?? 0]
    })
    const mode = args.choice('mode', ['constant', 'reflect', 'replicate', 'circular'], 'constant')
    const value = args.number('value', 0)
    return pad(x, pairs, mode === 'constant' ? { value } : { mode })
  }),
  one_hot: onX((x, args) => oneHot(x, args.number('num_classes'), { dtype: 'i32' })),
  gather: (inputs, args) => gives(gather(inputs.get('x'), axisOf(args), inputs.get('idx'))),
  take_along_dim: (inputs, args) =>
    gives(takeAlongDim(inputs.get('x'), inputs.get('idx'), axisOf(args))),
  scatter_add: (inputs, args) =>
    gives(scatterAdd(inputs.get('x'), axisOf(args), inputs.get('idx'), inputs.get('src'))),
  index_select: (inputs, args) =>
    gives(indexSelect(inputs.get('x'), axisOf(args), inputs.get('idx'))),
  index_add: (inputs, args) =>
    gives(indexAdd(inputs.get('x'), axisOf(args), inputs.get('idx'), inputs.get('src'))),
}
