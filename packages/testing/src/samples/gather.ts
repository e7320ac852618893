/** Samples of reading and adding by index. */
import { gather, type Shape, scatterAdd } from '@nablajs/tensor'
import { layoutNames, type Sample } from '../sample.ts'
import type { SampleTable } from './table.ts'

/** Shape, axis, and how many elements are taken on it. */
const sweep: readonly (readonly [Shape, number, number])[] = [
  [[5], 0, 3],
  [[5], 0, 12],
  [[3, 4], 0, 2],
  [[3, 4], 1, 7],
  [[2, 3, 4], 1, 3],
  [[2, 3, 4], -1, 1],
  [[70, 33], 0, 40],
  [[2, 1, 3, 5], 2, 4],
  [[3, 4], 1, 0],
]

function each(
  make: (shape: Shape, axis: number, index: Shape) => Pick<Sample, 'inputs' | 'run'>,
): Sample[] {
  return sweep.map(([shape, axis, count]) => ({
    aspect: 'shapes',
    label: `[${shape.join(', ')}] axis ${axis}, ${count} taken`,
    ...make(shape, axis, shape.with(axis, count)),
  }))
}

const kinds = ['i32', 'u32', 'bool'] as const

export const gatherSamples: SampleTable = {
  gather: (inputs) => [
    ...each((shape, axis, index) => ({
      inputs: [inputs.floats(shape), inputs.indices(index, shape.at(axis)!)],
      run: (x, at) => gather(x!, axis, at!),
    })),
    ...layoutNames.map(
      (layout): Sample => ({
        aspect: 'layouts',
        label: layout,
        inputs: [
          inputs.floats([6, 5], -2, 2, layout),
          { ...inputs.integers('i32', [6, 3], 1, 4, layout) },
        ],
        run: (x, at) => gather(x!, 1, at!),
      }),
    ),
    ...kinds.map(
      (dtype): Sample => ({
        aspect: 'dtypes',
        label: `${dtype} by u32`,
        inputs: [inputs.integers(dtype, [4, 5]), inputs.indices([2, 5], 4, 'u32')],
        run: (x, at) => gather(x!, 0, at!),
      }),
    ),
    {
      aspect: 'gradients',
      label: 'of the square',
      inputs: [inputs.floats([3, 2]), inputs.indices([4, 2], 3)],
      run: (x, at) => gather(x!, 0, at!).square(),
      smooth: true,
    },
  ],
  scatterAdd: (inputs) => [
    ...each((shape, axis, index) => ({
      inputs: [inputs.floats(shape), inputs.indices(index, shape.at(axis)!), inputs.floats(index)],
      run: (x, at, src) => scatterAdd(x!, axis, at!, src!),
    })),
    ...layoutNames.map(
      (layout): Sample => ({
        aspect: 'layouts',
        label: layout,
        inputs: [
          inputs.floats([6, 5], -2, 2, layout),
          inputs.integers('i32', [6, 3], 1, 4, layout),
          inputs.floats([6, 3], -2, 2, layout),
        ],
        run: (x, at, src) => scatterAdd(x!, 1, at!, src!),
      }),
    ),
    ...(['i32', 'u32'] as const).map(
      (dtype): Sample => ({
        aspect: 'dtypes',
        label: dtype,
        inputs: [
          inputs.integers(dtype, [4, 5]),
          inputs.indices([6, 5], 4),
          inputs.integers(dtype, [6, 5]),
        ],
        run: (x, at, src) => scatterAdd(x!, 0, at!, src!),
      }),
    ),
    {
      aspect: 'gradients',
      label: 'of the square',
      inputs: [inputs.floats([3, 2]), inputs.indices([4, 2], 3), inputs.floats([4, 2])],
      run: (x, at, src) => scatterAdd(x!, 0, at!, src!).square(),
      smooth: true,
    },
  ],
}
