/** Samples of resizing, sampling, adaptive pooling and the convolutions built on `conv2d`. */
import {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool2dWithIndices,
  affineGrid,
  avgPool1d,
  type Conv1dOptions,
  type Conv3dOptions,
  type ConvTranspose2dOptions,
  conv1d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  gridSample,
  type InterpolateOptions,
  interpolate,
  localResponseNorm,
  lpPool2d,
  maxPool1d,
  maxPool1dWithIndices,
  type Shape,
  type Tensor,
} from '@nablajs/tensor'
import { type Input, type Inputs, layoutNames, type Sample } from '../sample.ts'
import type { SampleTable } from './table.ts'

const show = (shape: Shape, options: object): string =>
  `[${shape.join(', ')}] ${JSON.stringify(options)}`

/** A call at a size of its own, in all layouts, and its differences at a small size. */
function images(
  inputs: Inputs,
  shapes: readonly [large: Shape, small: Shape],
  options: object,
  run: (x: Tensor) => Tensor | readonly Tensor[],
): Sample[] {
  const [large, small] = shapes
  return [
    ...layoutNames.map(
      (layout): Sample => ({
        aspect: 'layouts',
        label: `${show(large, options)} ${layout}`,
        inputs: [inputs.floats(large, -2, 2, layout)],
        run: (x) => run(x!),
      }),
    ),
    {
      aspect: 'gradients',
      label: show(small, options),
      inputs: [inputs.floats(small)],
      run: (x) => run(x!),
      smooth: true,
    },
  ]
}

/** Values and gradients of a call with several tensors. */
const both = (label: string, inputs: readonly Input[], run: Sample['run']): Sample[] => [
  { label, inputs, run },
  { aspect: 'gradients', label, inputs, run, smooth: true },
]

const resizings: readonly (readonly [Shape, InterpolateOptions])[] = [
  [[1, 3, 1], { size: 5 }],
  [[1, 3, 2, 1], { size: [5, 3] }],
  [[1, 4, 2, 1], { scaleFactor: [0.5, 1.7], mode: 'nearest-exact' }],
  [[1, 4, 1], { size: 3, mode: 'linear' }],
  [[1, 3, 2, 1], { size: [5, 1], mode: 'bilinear', alignCorners: true }],
  [[1, 3, 2, 1], { scaleFactor: 1.7, mode: 'bilinear' }],
  [[1, 3, 2, 1], { scaleFactor: 1.7, mode: 'bilinear', recomputeScaleFactor: true }],
  [[1, 5, 4, 1], { size: [2, 3], mode: 'bilinear', antialias: true }],
  [[1, 2, 2, 2, 1], { size: [3, 1, 2], mode: 'trilinear' }],
  [[1, 3, 2, 1], { size: [4, 3], mode: 'bicubic' }],
  [[1, 3, 2, 1], { size: [4, 3], mode: 'bicubic', alignCorners: true }],
  [[1, 5, 4, 1], { size: [2, 3], mode: 'bicubic', antialias: true }],
  [[1, 5, 4, 1], { size: [3, 3], mode: 'area' }],
]

const adaptive = [1, [3, 2], [null, 7]] as const

type Convolution = readonly [x: Shape, weight: Shape, outputs: number, options: object]

const convolutions = (
  cases: readonly Convolution[],
  inputs: Inputs,
  run: (x: Tensor, weight: Tensor, bias: Tensor, options: object) => Tensor,
): Sample[] =>
  cases.flatMap(([x, weight, outputs, options]) =>
    both(
      `${show(x, options)} by [${weight.join(', ')}]`,
      [inputs.floats(x), inputs.floats(weight), inputs.floats([outputs])],
      (image, w, bias) => run(image!, w!, bias!, options),
    ),
  )

export const imageSamples: SampleTable = {
  interpolate: (inputs) =>
    resizings.flatMap(([small, options]) => {
      const large = small.with(0, 2).with(-1, 3)
      return images(inputs, [large, small], options, (x) => interpolate(x, options))
    }),
  gridSample: (inputs) => [
    ...(['bilinear', 'nearest', 'bicubic'] as const).flatMap((mode) =>
      (['zeros', 'border', 'reflection'] as const).flatMap((paddingMode) =>
        [false, true].flatMap((alignCorners) => {
          const options = { mode, paddingMode, alignCorners }
          const label = JSON.stringify(options)
          const run: Sample['run'] = (x, grid) => gridSample(x!, grid!, options)
          const large = [inputs.floats([2, 4, 3, 2]), inputs.floats([2, 3, 3, 2], -1.6, 1.6)]
          const small = [inputs.floats([1, 1, 2, 1]), inputs.floats([1, 1, 1, 2], -1.4, 1.4)]
          return [
            { label, inputs: large, run },
            // Differences of 16 neighbors take long: once is enough.
            {
              aspect: 'gradients',
              label,
              inputs: small,
              run,
              smooth: mode !== 'bicubic' || (paddingMode === 'border' && alignCorners),
            },
          ]
        }),
      ),
    ),
    ...both(
      'volumes',
      [inputs.floats([1, 2, 2, 2, 1]), inputs.floats([1, 1, 1, 1, 3], -1.2, 1.2)],
      (x, grid) => gridSample(x!, grid!, { paddingMode: 'border' }),
    ),
  ],
  affineGrid: (inputs) => [
    ...both('images', [inputs.floats([2, 2, 3])], (theta) => affineGrid(theta!, [2, 3])),
    ...both('corners', [inputs.floats([1, 2, 3])], (theta) =>
      affineGrid(theta!, [1, 3], { alignCorners: true }),
    ),
    ...both('volumes', [inputs.floats([1, 3, 4])], (theta) => affineGrid(theta!, [2, 1, 2])),
  ],
  adaptiveAvgPool2d: (inputs) =>
    adaptive.flatMap((size) =>
      images(
        inputs,
        [
          [2, 6, 5, 3],
          [1, 3, 5, 1],
        ],
        { size },
        (x) => adaptiveAvgPool2d(x, size),
      ),
    ),
  adaptiveMaxPool2d: (inputs) =>
    adaptive.flatMap((size) =>
      images(
        inputs,
        [
          [2, 6, 5, 3],
          [1, 3, 5, 1],
        ],
        { size },
        (x) => adaptiveMaxPool2d(x, size),
      ),
    ),
  adaptiveMaxPool2dWithIndices: (inputs) =>
    adaptive.flatMap((size) =>
      images(
        inputs,
        [
          [2, 7, 5, 3],
          [1, 3, 4, 1],
        ],
        { size },
        (x) => Object.values(adaptiveMaxPool2dWithIndices(x, size)),
      ),
    ),
  adaptiveAvgPool1d: (inputs) =>
    images(
      inputs,
      [
        [2, 7, 3],
        [1, 5, 1],
      ],
      {},
      (x) => adaptiveAvgPool1d(x, 3),
    ),
  adaptiveMaxPool1d: (inputs) =>
    images(
      inputs,
      [
        [2, 7, 3],
        [1, 5, 1],
      ],
      {},
      (x) => adaptiveMaxPool1d(x, 3),
    ),
  maxPool1d: (inputs) =>
    images(
      inputs,
      [
        [2, 9, 3],
        [1, 5, 1],
      ],
      {},
      (x) => maxPool1d(x, 3, { stride: 2, padding: 1, ceilMode: true }),
    ),
  maxPool1dWithIndices: (inputs) =>
    images(
      inputs,
      [
        [2, 9, 3],
        [1, 5, 1],
      ],
      {},
      (x) => Object.values(maxPool1dWithIndices(x, 2, { dilation: 2 })),
    ),
  avgPool1d: (inputs) =>
    [true, false].flatMap((countIncludePad) =>
      images(
        inputs,
        [
          [2, 9, 3],
          [1, 5, 1],
        ],
        { countIncludePad },
        (x) => avgPool1d(x, 3, { stride: 2, padding: 1, countIncludePad }),
      ),
    ),
  lpPool2d: (inputs) =>
    [1, 2, 4].flatMap((p) =>
      images(
        inputs,
        [
          [2, 7, 6, 3],
          [1, 4, 4, 1],
        ],
        { p },
        (x) => lpPool2d(x.square().add(0.1), p, [2, 3], { stride: 1 }),
      ),
    ),
  localResponseNorm: (inputs) =>
    [3, 4].flatMap((size) =>
      images(
        inputs,
        [
          [2, 3, 2, 7],
          [1, 2, 5],
        ],
        { size },
        (x) => localResponseNorm(x, size, { alpha: 0.5, beta: 0.75, k: 2 }),
      ),
    ),
  conv1d: (inputs) =>
    convolutions(
      [
        [[2, 6, 2], [3, 2, 2], 2, { padding: 1 }],
        [[1, 7, 4], [2, 2, 2], 2, { stride: 2, dilation: 2, groups: 2 }],
        [[1, 4, 1], [2, 1, 1], 1, { padding: 'same' }],
      ] satisfies readonly (readonly [Shape, Shape, number, Conv1dOptions])[],
      inputs,
      conv1d,
    ),
  conv3d: (inputs) =>
    convolutions(
      [
        [[1, 3, 2, 2, 1], [2, 2, 1, 1, 2], 2, {}],
        [[2, 3, 2, 3, 2], [2, 1, 2, 1, 2], 2, { stride: [2, 1, 2], padding: 1, groups: 2 }],
        [[1, 4, 3, 2, 1], [2, 2, 1, 1, 1], 1, { dilation: [2, 1, 1], padding: 'same' }],
      ] satisfies readonly (readonly [Shape, Shape, number, Conv3dOptions])[],
      inputs,
      conv3d,
    ),
  convTranspose2d: (inputs) =>
    convolutions(
      [
        [[1, 2, 3, 2], [2, 2, 1, 2], 1, {}],
        [[2, 2, 2, 2], [3, 2, 2, 2], 2, { stride: 2, padding: 1, outputPadding: 1 }],
        [[1, 2, 2, 4], [2, 2, 1, 4], 2, { stride: [3, 1], outputPadding: [2, 0], groups: 2 }],
        [[1, 2, 3, 1], [2, 3, 2, 1], 2, { dilation: 2, padding: [0, 1] }],
      ] satisfies readonly (readonly [Shape, Shape, number, ConvTranspose2dOptions])[],
      inputs,
      convTranspose2d,
    ),
  convTranspose1d: (inputs) =>
    convolutions(
      [[[2, 3, 2], [3, 2, 2], 2, { stride: 2, padding: 1, outputPadding: 1 }]],
      inputs,
      convTranspose1d,
    ),
}
