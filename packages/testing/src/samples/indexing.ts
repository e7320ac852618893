/** Samples of reading and writing by index and by mask. */
import {
  bincount,
  gather,
  indexAdd,
  indexSelect,
  maskedFill,
  scatterAdd,
  searchsorted,
  take,
  takeAlongDim,
} from '@nablajs/tensor'
import { given, type Inputs, layoutNames, type Sample } from '../sample.ts'
import { gatherSamples } from './gather.ts'
import type { SampleTable } from './table.ts'

/** A sample and its differences. */
const both = (label: string, inputs: Sample['inputs'], run: Sample['run']): Sample[] => [
  { label, inputs, run },
  { aspect: 'gradients', label, inputs, run, smooth: true },
]

const sorted = [-1, 0, 0, 0.5, 2]
const values = [-2, -1, 0, 0.25, 2, 3]

export const indexingSamples: SampleTable = {
  gather: (inputs: Inputs) => [
    ...gatherSamples['gather']!(inputs),
    ...both('a smaller index', [inputs.floats([3, 4]), inputs.indices([2, 2], 4)], (x, at) =>
      gather(x!, 1, at!),
    ),
  ],
  scatterAdd: (inputs) => [
    ...gatherSamples['scatterAdd']!(inputs),
    ...both(
      'a smaller index',
      [inputs.floats([3, 4]), inputs.indices([2, 2], 4), inputs.floats([2, 3])],
      (x, at, src) => scatterAdd(x!, 1, at!, src!),
    ),
  ],
  indexSelect: (inputs) => [
    ...both('axis 1', [inputs.floats([2, 3, 2]), inputs.indices([4], 3)], (x, at) =>
      indexSelect(x!, 1, at!),
    ),
    ...layoutNames.map(
      (layout): Sample => ({
        aspect: 'layouts',
        label: layout,
        inputs: [inputs.floats([4, 6], -2, 2, layout), inputs.indices([9], 4)],
        run: (x, at) => indexSelect(x!, 0, at!),
      }),
    ),
  ],
  indexAdd: (inputs) => [
    ...both(
      'axis 0',
      [inputs.floats([3, 2]), inputs.indices([4], 3), inputs.floats([4, 2])],
      (x, at, src) => indexAdd(x!, 0, at!, src!),
    ),
    ...both(
      'with alpha',
      [inputs.floats([2, 3]), inputs.indices([2], 3), inputs.floats([2, 2])],
      (x, at, src) => indexAdd(x!, -1, at!, src!, -0.5),
    ),
  ],
  take: (inputs) =>
    both('[2, 2] of [3, 4]', [inputs.floats([3, 4]), inputs.indices([2, 2], 12)], (x, at) =>
      take(x!, at!),
    ),
  takeAlongDim: (inputs) => [
    ...both(
      'broadcast',
      [inputs.floats([3, 1, 4]), inputs.indices([2, 2], 4)].map((input, i) =>
        i === 0 ? input : { ...input, shape: [1, 2, 2] },
      ),
      (x, at) => takeAlongDim(x!, at!, -1),
    ),
    ...both('flattened', [inputs.floats([3, 2]), inputs.indices([4], 6)], (x, at) =>
      takeAlongDim(x!, at!),
    ),
  ],
  maskedFill: (inputs) => [
    ...both('a number', [inputs.floats([2, 3]), inputs.integers('bool', [3])], (x, mask) =>
      maskedFill(x!, mask!, -1.5),
    ),
    ...both(
      'a tensor',
      [inputs.floats([2, 3]), inputs.integers('bool', [2, 3]), inputs.floats([])],
      (x, mask, value) => maskedFill(x!, mask!, value!),
    ),
  ],
  searchsorted: () => [
    ...[false, true].map(
      (right): Sample => ({
        label: right ? 'right' : 'left',
        inputs: [given(sorted), given(values, 'float', [2, 3])],
        run: (s, v) => searchsorted(s!, v!, { right }),
      }),
    ),
    {
      label: 'rows of their own',
      inputs: [given([1, 3, 5, 2, 4, 6], 'i32', [2, 3]), given([3, 4, 3, 7], 'float', [2, 2])],
      run: (s, v) => searchsorted(s!, v!),
    },
  ],
  bincount: (inputs) => [
    { label: 'counts', inputs: [inputs.indices([20], 5)], run: (x) => bincount(x!, 7) },
    ...both('weights', [inputs.indices([6], 3), inputs.floats([6])], (x, w) => bincount(x!, 3, w!)),
  ],
}
