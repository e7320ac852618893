/** Samples of matrix products. */
import { addmm, matmul, type Shape } from '@nablajs/tensor'
import { type Inputs, type LayoutName, layoutNames, type Sample } from '../sample.ts'
import type { SampleTable } from './table.ts'

/** Around and beyond the tiles of fast kernels, and the degenerate ones. */
const sweep: readonly (readonly [Shape, Shape])[] = [
  [
    [1, 1],
    [1, 1],
  ],
  [
    [3, 4],
    [4, 5],
  ],
  [
    [7, 13],
    [13, 11],
  ],
  [
    [1, 64],
    [64, 33],
  ],
  [
    [64, 1],
    [1, 64],
  ],
  [
    [33, 70],
    [70, 1],
  ],
  [
    [17, 31],
    [31, 64],
  ],
  [
    [65, 66],
    [66, 67],
  ],
  [
    [4, 300],
    [300, 4],
  ],
  [
    [129, 20],
    [20, 65],
  ],
  [[4], [4]],
  [[3, 4], [4]],
  [[4], [4, 5]],
  [[2, 3, 4], [4]],
  [[4], [2, 4, 3]],
  [
    [2, 3, 4],
    [4, 5],
  ],
  [
    [2, 3, 4],
    [2, 4, 5],
  ],
  [
    [2, 1, 3, 4],
    [5, 4, 2],
  ],
  [
    [1, 3, 4],
    [7, 4, 2],
  ],
  [
    [5, 3, 4],
    [1, 4, 2],
  ],
  [
    [3, 0],
    [0, 4],
  ],
  [
    [0, 3],
    [3, 4],
  ],
  [
    [2, 3],
    [3, 0],
  ],
  [
    [0, 2, 3],
    [0, 3, 2],
  ],
]

const show = (shape: Shape): string => `[${shape.join(', ')}]`

/** Sums of up to a few hundred products of numbers up to 4. */
const tolerance = { atol: 2e-5 }

function product(inputs: Inputs, a: Shape, b: Shape, rest: Partial<Sample> = {}): Sample {
  return {
    aspect: 'shapes',
    label: `${show(a)} x ${show(b)}`,
    inputs: [inputs.floats(a), inputs.floats(b)],
    run: (x, y) => matmul(x!, y!),
    tolerance,
    ...rest,
  }
}

function layoutPairs(): (readonly [LayoutName, LayoutName])[] {
  return layoutNames.flatMap((a) => layoutNames.map((b) => [a, b] as const))
}

/** The term, the factors, and how the term lies. */
const sums: readonly (readonly [c: Shape, a: Shape, b: Shape, layout?: LayoutName])[] = [
  [[5], [3, 4], [4, 5]],
  [[1], [3, 4], [4, 5]],
  [[], [3, 4], [4, 5]],
  [
    [3, 1],
    [3, 4],
    [4, 5],
  ],
  [
    [3, 5],
    [3, 4],
    [4, 5],
  ],
  [[3, 5], [3, 4], [4, 5], 'transposed'],
  [[70], [65, 33], [33, 70]],
  [[70], [65, 33], [33, 70], 'strided'],
  [[5], [2, 3, 4], [4, 5]],
  [
    [2, 1, 5],
    [2, 3, 4],
    [4, 5],
  ],
  [
    [2, 3, 5],
    [2, 3, 4],
    [2, 4, 5],
  ],
  [[5], [3, 0], [0, 5]],
  [[5], [0, 4], [4, 5]],
]

function sumOfProduct(inputs: Inputs, [c, a, b, layout]: (typeof sums)[number]): Sample {
  return {
    label: `${layout ?? 'dense'} ${show(c)} + ${show(a)} x ${show(b)}`,
    inputs: [inputs.floats(c, -2, 2, layout), inputs.floats(a), inputs.floats(b)],
    run: (x, y, z) => addmm(x!, y!, z!),
    tolerance,
  }
}

export const matmulSamples: SampleTable = {
  addmm: (inputs) => [
    ...sums.map((shapes) => sumOfProduct(inputs, shapes)),
    ...([sums[0]!, sums[8]!, sums[9]!] as const).map((shapes) => ({
      ...sumOfProduct(inputs, shapes),
      aspect: 'gradients',
      smooth: true,
    })),
    {
      aspect: 'dtypes',
      label: 'i32 and floats',
      inputs: [inputs.integers('i32', [2]), inputs.floats([3, 4]), inputs.floats([4, 2])],
      run: (x, y, z) => addmm(x!, y!, z!),
    },
  ],
  matmul: (inputs) => [
    ...sweep.map(([a, b]) => product(inputs, a, b)),
    ...layoutPairs().flatMap(([a, b]) =>
      (
        [
          [
            [9, 14],
            [14, 10],
          ],
          [
            [2, 5, 6],
            [2, 6, 7],
          ],
        ] as const
      ).map(
        ([left, right]): Sample => ({
          aspect: 'layouts',
          label: `${a} ${show(left)} x ${b} ${show(right)}`,
          inputs: [inputs.floats(left, -2, 2, a), inputs.floats(right, -2, 2, b)],
          run: (x, y) => matmul(x!, y!),
          tolerance,
        }),
      ),
    ),
    {
      aspect: 'dtypes',
      label: 'i32',
      inputs: [inputs.integers('i32', [3, 4]), inputs.integers('i32', [4, 2])],
      run: (x, y) => matmul(x!, y!),
    },
    {
      aspect: 'dtypes',
      label: 'float and i32',
      inputs: [inputs.floats([3, 4]), inputs.integers('i32', [4, 2])],
      run: (x, y) => matmul(x!, y!),
    },
    ...(
      [
        [
          [2, 3],
          [3, 2],
        ],
        [
          [2, 2, 3],
          [3, 2],
        ],
        [
          [2, 1, 2, 2],
          [3, 2, 1],
        ],
        [[3], [3, 2]],
        [[3], [3]],
      ] as const
    ).map(([a, b]) => product(inputs, a, b, { aspect: 'gradients', smooth: true })),
  ],
}
