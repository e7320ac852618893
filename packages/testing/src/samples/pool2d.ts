/** Samples of pooling. */
import {
  type AvgPool2dOptions,
  avgPool2d,
  type MaxPool2dOptions,
  maxPool2d,
  maxPool2dWithIndices,
  type Pair,
  type Shape,
  type Tensor,
} from '@nablajs/tensor'
import { given, type Input, type Inputs, layoutNames, type Sample } from '../sample.ts'
import type { SampleTable } from './table.ts'

type Case = readonly [image: Shape, window: Pair, options: MaxPool2dOptions & AvgPool2dOptions]

const common: readonly Case[] = [
  [[1, 1, 1, 1], 1, {}],
  [[2, 6, 8, 3], 2, {}],
  [[1, 7, 9, 5], 2, {}],
  [[2, 7, 6, 2], 3, { stride: 2, padding: 1 }],
  [[1, 8, 7, 4], 3, { stride: 2, ceilMode: true }],
  [[1, 9, 9, 1], 3, { stride: 2, padding: 1, ceilMode: true }],
  [[1, 8, 9, 3], [2, 3], { stride: [1, 2], padding: [1, 1] }],
  [[1, 5, 5, 17], 3, { stride: 1 }],
  [[1, 6, 5, 2], [6, 5], {}],
  [[2, 4, 4, 2], 1, { stride: 2 }],
  [[1, 10, 3, 2], 2, { stride: 5, ceilMode: true }],
  [[0, 4, 4, 2], 2, {}],
]

const dilated: readonly Case[] = [
  [[1, 7, 8, 2], 2, { stride: 1, dilation: 2 }],
  [[1, 9, 9, 2], 3, { stride: 2, padding: 1, dilation: [2, 1] }],
  [[1, 6, 6, 2], 2, { dilation: 3, padding: 1, ceilMode: true }],
]

const averaged: readonly Case[] = [
  [[2, 7, 6, 2], 3, { stride: 2, padding: 1, countIncludePad: false }],
  [[1, 8, 7, 4], 3, { stride: 2, padding: 1, ceilMode: true, countIncludePad: false }],
  [[1, 7, 9, 3], 2, { divisorOverride: 3 }],
]

type Pool = (
  x: Tensor,
  window: Pair,
  options: MaxPool2dOptions & AvgPool2dOptions,
) => Tensor | readonly Tensor[]

const pooled = (pool: Pool, [, window, options]: Case, input: Input, rest: Partial<Sample>) => ({
  label: `[${input.shape.join(', ')}], window ${JSON.stringify(window)} ${JSON.stringify(options)}`,
  inputs: [input],
  run: (x?: Tensor) => pool(x!, window, options),
  ...rest,
})

function pools(pool: Pool, inputs: Inputs, cases: readonly Case[]): Sample[] {
  return [
    ...cases.map((one) => pooled(pool, one, inputs.floats(one[0]), { aspect: 'shapes' })),
    ...layoutNames.map(
      (layout): Sample => ({
        aspect: 'layouts',
        label: layout,
        inputs: [inputs.floats([2, 6, 5, 4], -2, 2, layout)],
        run: (x) => pool(x!, 3, { stride: 2, padding: 1 }),
      }),
    ),
    pooled(pool, [[], 2, { stride: 1, padding: 1 }], inputs.floats([1, 3, 3, 2]), {
      aspect: 'gradients',
      smooth: true,
    }),
  ]
}

const negative = Number.NEGATIVE_INFINITY

/** Where the maximum is not obvious. */
function traps(pool: Pool, inputs: Inputs): Sample[] {
  const image = (values: number[]): Input => given(values, 'float', [1, 3, 3, 1])
  const options = { stride: 1, padding: 1 }
  return [
    pooled(pool, [[], 2, options], inputs.ties([2, 5, 6, 3]), { aspect: 'ties' }),
    pooled(pool, [[], 2, options], image(new Array<number>(9).fill(negative)), {
      aspect: 'extremes',
      differentiable: false,
    }),
    pooled(pool, [[], 2, options], image([1, 2, 3, 4, Number.NaN, 6, 7, 8, 9]), {
      aspect: 'extremes',
      differentiable: false,
    }),
    pooled(pool, [[], 2, options], image([-1, -2, -3, -4, -5, -6, -7, -8, -9]), {
      aspect: 'extremes',
    }),
  ]
}

const withIndices: Pool = (x, window, options) => {
  const { values, indices } = maxPool2dWithIndices(x, window, options)
  return [values, indices]
}

export const pool2dSamples: SampleTable = {
  maxPool2d: (inputs) => [
    ...pools(maxPool2d, inputs, [...common, ...dilated]),
    ...traps(maxPool2d, inputs),
  ],
  maxPool2dWithIndices: (inputs) => [
    ...pools(withIndices, inputs, [...common, ...dilated]),
    ...traps(withIndices, inputs),
  ],
  avgPool2d: (inputs) => [
    ...pools(avgPool2d, inputs, [...common, ...averaged]),
    ...traps(avgPool2d, inputs).slice(0, 1),
  ],
}
