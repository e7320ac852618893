/** Samples of convolutions; the gradients for image and weight are those of the same samples. */
import { type Conv2dOptions, conv2d } from '@nablajs/tensor'
import { type Inputs, layoutNames, type Sample } from '../sample.ts'
import type { SampleTable } from './table.ts'

interface Geometry extends Conv2dOptions {
  /** N H W C */
  readonly image: readonly [number, number, number, number]
  /** R S K */
  readonly kernel: readonly [number, number, number]
}

const sweep: readonly Geometry[] = [
  { image: [1, 1, 1, 1], kernel: [1, 1, 1] },
  { image: [2, 5, 7, 3], kernel: [1, 1, 4] },
  { image: [2, 6, 5, 4], kernel: [1, 1, 3], stride: 2 },
  { image: [1, 7, 6, 1], kernel: [3, 3, 5], padding: 1 },
  { image: [2, 8, 9, 3], kernel: [3, 3, 8], stride: 2, padding: 1 },
  { image: [1, 5, 5, 16], kernel: [3, 3, 17], padding: 1 },
  { image: [1, 9, 8, 2], kernel: [5, 5, 3], padding: 2 },
  { image: [1, 11, 12, 3], kernel: [7, 7, 4], stride: 2, padding: 3 },
  { image: [2, 7, 7, 2], kernel: [2, 2, 3], stride: 3 },
  { image: [1, 8, 8, 2], kernel: [2, 4, 3], padding: 'same' },
  { image: [1, 9, 7, 2], kernel: [3, 3, 2], padding: 'same', dilation: 2 },
  { image: [2, 7, 10, 4], kernel: [3, 5, 2], stride: [2, 1], padding: [1, 2] },
  { image: [1, 10, 9, 2], kernel: [3, 2, 3], dilation: [2, 3], padding: [2, 0] },
  { image: [1, 9, 9, 4], kernel: [3, 3, 4], stride: 2, dilation: 2, padding: 3 },
  { image: [2, 6, 6, 4], kernel: [3, 3, 6], padding: 1, groups: 2 },
  { image: [1, 6, 7, 6], kernel: [3, 3, 6], padding: 1, groups: 6 },
  { image: [1, 7, 6, 20], kernel: [3, 3, 20], stride: 2, padding: 1, groups: 20 },
  { image: [1, 6, 6, 3], kernel: [3, 3, 6], groups: 3, padding: 1 },
  { image: [1, 8, 7, 4], kernel: [5, 5, 4], stride: 2, padding: 2, groups: 4 },
  { image: [2, 4, 3, 2], kernel: [4, 3, 5] },
  { image: [1, 2, 2, 2], kernel: [3, 3, 2], padding: 4 },
  { image: [1, 1, 9, 2], kernel: [1, 3, 2], padding: [0, 1] },
  { image: [3, 9, 1, 2], kernel: [3, 1, 2], stride: [4, 1] },
  { image: [1, 12, 12, 8], kernel: [3, 3, 8], padding: 1 },
  { image: [0, 4, 4, 2], kernel: [3, 3, 2] },
]

/** Small enough for differences of second order. */
const small: readonly Geometry[] = [
  { image: [1, 3, 3, 2], kernel: [2, 2, 2], padding: 1 },
  { image: [1, 4, 3, 2], kernel: [2, 2, 2], stride: 2, groups: 2 },
  { image: [1, 5, 4, 1], kernel: [2, 2, 1], dilation: [2, 1], stride: [1, 2], padding: [0, 1] },
]

function show({ image, kernel, ...options }: Geometry): string {
  const rest = Object.entries(options).map(([key, value]) => `${key} ${JSON.stringify(value)}`)
  return [`[${image.join(', ')}] by [${kernel.join(', ')}]`, ...rest].join(', ')
}

/** Sums of up to a few hundred products of numbers up to 4. */
const tolerance = { atol: 2e-5 }

function convolution(inputs: Inputs, geometry: Geometry, rest: Partial<Sample> = {}): Sample {
  const { image, kernel, ...options } = geometry
  const [r, s, k] = kernel
  return {
    aspect: 'shapes',
    label: show(geometry),
    inputs: [
      inputs.floats(image),
      inputs.floats([r, s, image[3] / (options.groups ?? 1), k]),
      inputs.floats([k]),
    ],
    run: (x, weight, bias) => conv2d(x!, weight!, bias, options),
    tolerance,
    ...rest,
  }
}

export const conv2dSamples: SampleTable = {
  conv2d: (inputs) => [
    ...sweep.map((geometry) => convolution(inputs, geometry)),
    ...layoutNames.map(
      (layout): Sample => ({
        aspect: 'layouts',
        label: layout,
        inputs: [
          inputs.floats([2, 5, 6, 4], -2, 2, layout),
          inputs.floats([3, 3, 4, 5], -2, 2, layout),
        ],
        run: (x, weight) => conv2d(x!, weight!, undefined, { padding: 1 }),
        tolerance,
      }),
    ),
    ...small.map((geometry) =>
      convolution(inputs, geometry, { aspect: 'gradients', smooth: true }),
    ),
  ],
}
