/** Samples of ops that only move elements. */
import {
  cast,
  concat,
  contiguous,
  copy,
  expand,
  flatten,
  flip,
  pad,
  permute,
  reshape,
  type Shape,
  slice,
  squeeze,
  stack,
  type Tensor,
  transpose,
  unsqueeze,
} from '@nablajs/tensor'
import { given, type Inputs, layoutNames, type Sample } from '../sample.ts'
import type { SampleTable } from './table.ts'

type Move = (x: Tensor) => Tensor

/** One way of moving, from every layout, with gradients and with integers. */
function moves(inputs: Inputs, shape: Shape, label: string, move: Move): Sample[] {
  const title = `[${shape.join(', ')}] ${label}`
  return [
    ...layoutNames.map(
      (layout): Sample => ({
        aspect: 'layouts',
        label: `${layout} ${title}`,
        inputs: [inputs.floats(shape, -2, 2, layout)],
        // Arithmetic after the move reads through the view.
        run: (x) => [move(x!), move(x!).mul(2)],
      }),
    ),
    ...(['i32', 'bool'] as const).map(
      (dtype): Sample => ({
        aspect: 'dtypes',
        label: `${dtype} ${title}`,
        inputs: [inputs.integers(dtype, shape)],
        run: (x) => move(x!),
      }),
    ),
  ]
}

function smooth(inputs: Inputs, shape: Shape, move: Move): Sample {
  return {
    aspect: 'gradients',
    label: `[${shape.join(', ')}]`,
    inputs: [inputs.floats(shape)],
    // The square gives the second derivative something to see.
    run: (x) => move(x!).square(),
    smooth: true,
  }
}

function castSamples(inputs: Inputs): Sample[] {
  const targets = ['i32', 'u32', 'bool'] as const
  const floats = [
    0,
    -0,
    0.5,
    -0.5,
    1.5,
    -1.5,
    2.9,
    -2.9,
    3e9,
    -3e9,
    5e9,
    2147483520,
    -2147483648,
    4294967040,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    1e-40,
  ]
  return [
    ...targets.map(
      (dtype): Sample => ({
        aspect: 'dtypes',
        label: `float to ${dtype}`,
        inputs: [given(floats)],
        run: (x) => cast(x!, dtype),
      }),
    ),
    ...targets.flatMap((from) =>
      targets.map(
        (to): Sample => ({
          aspect: 'dtypes',
          label: `${from} to ${to}`,
          inputs: [
            from === 'bool'
              ? given([0, 1, 1], from)
              : given(from === 'i32' ? [-(2 ** 31), -1, 0, 7] : [2 ** 32 - 1, 2 ** 31, 0, 7], from),
          ],
          run: (x) => cast(x!, to),
        }),
      ),
    ),
    ...targets.map(
      (from): Sample => ({
        aspect: 'dtypes',
        label: `${from} to float`,
        inputs: [inputs.integers(from, [3, 4])],
        run: (x) => cast(x!, 'f32'),
      }),
    ),
    {
      aspect: 'gradients',
      label: 'between floats',
      inputs: [inputs.floats([3, 4])],
      run: (x) => cast(x!, 'f32').square(),
    },
  ]
}

function joins(
  inputs: Inputs,
  op: (parts: readonly Tensor[], axis?: number) => Tensor,
  sizes: readonly (readonly [axis: number, shapes: readonly Shape[]])[],
): Sample[] {
  return [
    ...sizes.map(
      ([axis, shapes]): Sample => ({
        aspect: 'shapes',
        label: `${shapes.map((shape) => `[${shape.join(', ')}]`).join(' ')} on ${axis}`,
        inputs: shapes.map((shape) => inputs.floats(shape)),
        run: (...parts) => op(parts, axis),
      }),
    ),
    ...layoutNames.map(
      (layout): Sample => ({
        aspect: 'layouts',
        label: layout,
        inputs: [inputs.floats([4, 3], -2, 2, layout), inputs.floats([4, 3])],
        run: (...parts) => op(parts, 1),
      }),
    ),
    ...(['i32', 'u32', 'bool'] as const).map(
      (dtype): Sample => ({
        aspect: 'dtypes',
        label: dtype,
        inputs: [inputs.integers(dtype, [2, 3]), inputs.integers(dtype, [2, 3])],
        run: (...parts) => op(parts),
      }),
    ),
    {
      aspect: 'gradients',
      label: 'of the square',
      inputs: [inputs.floats([2, 3]), inputs.floats([2, 3])],
      run: (...parts) => op(parts, 1).square(),
      smooth: true,
    },
  ]
}

export const movementSamples: SampleTable = {
  copy: (inputs) => [...moves(inputs, [3, 4, 5], '', copy), smooth(inputs, [2, 3], copy)],
  contiguous: (inputs) => [
    ...moves(inputs, [3, 4, 5], '', contiguous),
    smooth(inputs, [2, 3], (x) => contiguous(x.transpose())),
  ],
  cast: castSamples,
  reshape: (inputs) => [
    ...moves(inputs, [4, 6], 'to [2, 3, 4]', (x) => reshape(x, [2, 3, 4])),
    ...moves(inputs, [4, 6], 'to [24]', (x) => reshape(x, [-1])),
    ...moves(inputs, [2, 3, 4], 'to [6, 4]', (x) => reshape(x, [6, 4])),
    ...moves(inputs, [2, 3, 4], 'to [2, 12]', (x) => reshape(x, [2, -1])),
    ...moves(inputs, [1, 5, 1], 'to [5]', (x) => reshape(x, [5])),
    ...moves(inputs, [0, 3], 'to [3, 0]', (x) => reshape(x, [3, 0])),
    smooth(inputs, [2, 3], (x) => reshape(x, [3, 2])),
  ],
  flatten: (inputs) => [
    ...moves(inputs, [2, 3, 4], 'axes 1 .. -1', (x) => flatten(x, 1)),
    ...moves(inputs, [2, 3, 4], 'all', (x) => flatten(x)),
    smooth(inputs, [2, 3], (x) => flatten(x)),
  ],
  permute: (inputs) => [
    ...moves(inputs, [2, 3, 4], 'by [2, 0, 1]', (x) => permute(x, [2, 0, 1])),
    ...moves(inputs, [2, 3, 4, 5], 'by [0, -1, 1, 2]', (x) => permute(x, [0, -1, 1, 2])),
    smooth(inputs, [2, 3], (x) => permute(x, [1, 0])),
  ],
  transpose: (inputs) => [
    ...moves(inputs, [3, 5], 'last two', (x) => transpose(x)),
    ...moves(inputs, [2, 3, 4], 'first and last', (x) => transpose(x, 0, 2)),
    smooth(inputs, [2, 3], (x) => transpose(x)),
  ],
  expand: (inputs) => [
    ...moves(inputs, [3, 1], 'to [2, 3, 4]', (x) => expand(x, [2, 3, 4])),
    ...moves(inputs, [], 'to [3]', (x) => expand(x, [3])),
    smooth(inputs, [2, 1], (x) => expand(x, [2, 3])),
  ],
  squeeze: (inputs) => [
    ...moves(inputs, [1, 3, 1, 4], 'all', (x) => squeeze(x)),
    ...moves(inputs, [1, 3, 1, 4], 'axis -2', (x) => squeeze(x, -2)),
    smooth(inputs, [1, 3], (x) => squeeze(x)),
  ],
  unsqueeze: (inputs) => [
    ...moves(inputs, [3, 4], 'before 1', (x) => unsqueeze(x, 1)),
    ...moves(inputs, [3, 4], 'at the end', (x) => unsqueeze(x, -1)),
    smooth(inputs, [3], (x) => unsqueeze(x, 0)),
  ],
  slice: (inputs) => [
    ...moves(inputs, [4, 6], 'row 2', (x) => slice(x, 2)),
    ...moves(inputs, [4, 6], 'columns -4 .. -1', (x) => slice(x, null, { start: -4, end: -1 })),
    ...moves(inputs, [5, 7], 'every other from 1', (x) => slice(x, { start: 1, step: 2 })),
    ...moves(inputs, [5, 7], 'backwards by 3', (x) => slice(x, null, { step: -3 })),
    ...moves(inputs, [5, 7], 'nothing', (x) => slice(x, { start: 3, end: 3 })),
    ...moves(inputs, [2, 3, 4], 'an index in the middle', (x) => slice(x, null, -1, { end: 2 })),
    smooth(inputs, [3, 3], (x) => slice(x, { step: -2 }, { start: 1 })),
  ],
  flip: (inputs) => [
    ...moves(inputs, [4, 5], 'axis 1', (x) => flip(x, 1)),
    ...moves(inputs, [2, 3, 4], 'axes 0 and 2', (x) => flip(x, [0, -1])),
    smooth(inputs, [2, 3], (x) => flip(x, [0, 1])),
  ],
  pad: (inputs) => [
    ...moves(inputs, [3, 4], 'unevenly', (x) =>
      pad(x, [
        [1, 0],
        [2, 3],
      ]),
    ),
    ...moves(inputs, [0, 2], 'what is empty', (x) =>
      pad(x, [
        [1, 1],
        [0, 0],
      ]),
    ),
    ...moves(inputs, [2, 3], 'by nothing', (x) =>
      pad(x, [
        [0, 0],
        [0, 0],
      ]),
    ),
    smooth(inputs, [2, 2], (x) =>
      pad(x, [
        [1, 0],
        [0, 1],
      ]),
    ),
  ],
  concat: (inputs) =>
    joins(inputs, concat, [
      [
        0,
        [
          [2, 3],
          [4, 3],
        ],
      ],
      [
        1,
        [
          [2, 3],
          [2, 1],
          [2, 5],
        ],
      ],
      [
        -1,
        [
          [2, 2, 3],
          [2, 2, 1],
        ],
      ],
      [
        0,
        [
          [0, 3],
          [2, 3],
        ],
      ],
      [0, [[3]]],
    ]),
  stack: (inputs) =>
    joins(inputs, stack, [
      [
        0,
        [
          [2, 3],
          [2, 3],
        ],
      ],
      [-1, [[3], [3], [3]]],
      [
        1,
        [
          [2, 0],
          [2, 0],
        ],
      ],
      [0, [[], []]],
    ]),
}
