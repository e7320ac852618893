/** Samples of ops that only move elements. */
import {
  channelShuffle,
  chunk,
  diag,
  diagEmbed,
  diagonal,
  fold,
  meshgrid,
  movedim,
  pad,
  pixelShuffle,
  pixelUnshuffle,
  repeatInterleave,
  roll,
  rot90,
  type Shape,
  split,
  type Tensor,
  tile,
  trace,
  tril,
  triu,
  unbind,
  unfold,
} from '@nablajs/tensor'
import { type Inputs, type LayoutName, layoutNames, type Sample } from '../sample.ts'
import { movementSamples } from './movement.ts'
import type { SampleTable } from './table.ts'

type Move = (x: Tensor) => Tensor | readonly Tensor[]

/** One move of a float, in every layout, of the other dtypes, and its differences. */
function moves(inputs: Inputs, shape: Shape, move: Move, label = ''): Sample[] {
  const name = `[${shape.join(', ')}] ${label}`
  return [
    ...layoutNames.map(
      (layout: LayoutName): Sample => ({
        aspect: 'layouts',
        label: `${name} ${layout}`,
        inputs: [inputs.floats(shape, -2, 2, layout)],
        run: (x) => move(x!),
      }),
    ),
    ...(['i32', 'bool'] as const).map(
      (dtype): Sample => ({
        aspect: 'dtypes',
        label: `${name} ${dtype}`,
        inputs: [inputs.integers(dtype, shape)],
        run: (x) => move(x!),
      }),
    ),
    {
      aspect: 'gradients',
      label: name,
      inputs: [inputs.floats(shape)],
      run: (x) => move(x!.square()),
      smooth: shape.reduce((n, extent) => n * extent, 1) <= 40,
    },
  ]
}

export const arrangeSamples: SampleTable = {
  tile: (inputs) => [
    ...moves(inputs, [2, 3], (x) => tile(x, [2, 2])),
    ...moves(inputs, [2, 3], (x) => tile(x, [2, 1, 3]), 'a new axis'),
    ...moves(inputs, [2, 3], (x) => tile(x, [3]), 'the last axis'),
  ],
  repeatInterleave: (inputs) => [
    ...moves(inputs, [2, 3], (x) => repeatInterleave(x, 2)),
    ...moves(inputs, [2, 3], (x) => repeatInterleave(x, 3, -1), 'axis -1'),
    ...moves(inputs, [2, 3], (x) => repeatInterleave(x, [2, 0, 1], 1), 'of its own'),
  ],
  roll: (inputs) => [
    ...moves(inputs, [2, 3], (x) => roll(x, 1)),
    ...moves(inputs, [2, 3, 4], (x) => roll(x, [1, -6], [0, 2]), 'two axes'),
  ],
  movedim: (inputs) => [
    ...moves(inputs, [2, 3, 4], (x) => movedim(x, 0, -1)),
    ...moves(inputs, [2, 3, 4], (x) => movedim(x, [0, 1], [2, 0]), 'two axes'),
  ],
  rot90: (inputs) =>
    [-1, 0, 1, 2, 3].flatMap((k) => moves(inputs, [2, 3], (x) => rot90(x, k), `${k} turns`)),
  split: (inputs) => [
    ...moves(inputs, [5, 2], (x) => split(x, 2)),
    ...moves(inputs, [2, 5], (x) => split(x, [1, 4], 1), 'sizes'),
  ],
  chunk: (inputs) => moves(inputs, [2, 5], (x) => chunk(x, 3, -1)),
  unbind: (inputs) => moves(inputs, [3, 2], (x) => unbind(x)),
  tril: (inputs) =>
    [-1, 0, 1].flatMap((k) => moves(inputs, [2, 3, 4], (x) => tril(x, k), `diagonal ${k}`)),
  triu: (inputs) =>
    [-1, 0, 1].flatMap((k) => moves(inputs, [2, 3, 4], (x) => triu(x, k), `diagonal ${k}`)),
  diagonal: (inputs) => [
    ...moves(inputs, [3, 4], (x) => diagonal(x, 1)),
    ...moves(inputs, [2, 3, 4], (x) => diagonal(x, -1, 2, 0), 'other axes'),
    ...moves(inputs, [2, 2], (x) => diagonal(x, 3), 'outside'),
  ],
  diagEmbed: (inputs) => moves(inputs, [2, 3], (x) => diagEmbed(x, -1)),
  diag: (inputs) => [
    ...moves(inputs, [3], (x) => diag(x, 1)),
    ...moves(inputs, [3, 2], (x) => diag(x)),
  ],
  trace: (inputs) => moves(inputs, [3, 4], (x) => trace(x)),
  pad: (inputs) => [
    ...movementSamples['pad']!(inputs),
    ...moves(inputs, [2, 3], (x) =>
      pad(x, [
        [1, 0],
        [2, 3],
      ]),
    ),
    ...moves(
      inputs,
      [2, 3],
      (x) =>
        pad(
          x,
          [
            [1, 0],
            [2, 3],
          ],
          { value: 1 },
        ),
      'value',
    ),
    ...(['reflect', 'replicate', 'circular'] as const).flatMap((mode) =>
      moves(
        inputs,
        [3, 4],
        (x) =>
          pad(
            x,
            [
              [2, 1],
              [0, 3],
            ],
            { mode },
          ),
        mode,
      ),
    ),
  ],
  meshgrid: (inputs) =>
    (['ij', 'xy'] as const).map((indexing) => ({
      label: indexing,
      inputs: [inputs.floats([2]), inputs.floats([3]), inputs.floats([1])],
      run: (...vectors) => meshgrid(vectors, { indexing }),
    })),
  pixelShuffle: (inputs) => moves(inputs, [1, 2, 3, 4], (x) => pixelShuffle(x, 2)),
  pixelUnshuffle: (inputs) => moves(inputs, [1, 4, 2, 3], (x) => pixelUnshuffle(x, 2)),
  channelShuffle: (inputs) => moves(inputs, [1, 2, 2, 6], (x) => channelShuffle(x, 3)),
  unfold: (inputs) => [
    ...moves(inputs, [1, 4, 3, 2], (x) => unfold(x, 2)),
    ...moves(
      inputs,
      [2, 5, 4, 1],
      (x) => unfold(x, [2, 3], { stride: [2, 1], padding: 1, dilation: [1, 2] }),
      'with options',
    ),
  ],
  fold: (inputs) =>
    [
      ...moves(inputs, [1, 3, 2, 2, 2, 1], (x) => fold(x, [4, 3])),
      ...moves(
        inputs,
        [2, 3, 2, 2, 3, 1],
        (x) => fold(x, [5, 4], { stride: [2, 1], padding: 1, dilation: [1, 2] }),
        'with options',
      ),
    ].filter(({ inputs: [x] }) => x!.dtype !== 'bool'),
}
