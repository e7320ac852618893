/** Samples of reductions and of what is built on them. */
import {
  all,
  any,
  argmax,
  argmin,
  countNonzero,
  logSoftmax,
  logsumexp,
  max,
  mean,
  min,
  nanmean,
  nansum,
  type ReduceOptions,
  type Shape,
  softmax,
  std,
  sum,
  type Tensor,
  type VarianceOptions,
  variance,
} from '@nablajs/tensor'
import { given, type Inputs, layoutNames, type Sample } from '../sample.ts'
import type { SampleTable } from './table.ts'

export type Reduce = (
  x: Tensor,
  axes?: number | readonly number[],
  options?: ReduceOptions,
) => Tensor

/** Shapes with the axes to reduce; undefined is all of them. */
const sweep: readonly (readonly [Shape, number | readonly number[] | undefined])[] = [
  [[], undefined],
  [[1], 0],
  [[7], undefined],
  [[3, 5], 0],
  [[3, 5], 1],
  [[3, 5], []],
  [
    [2, 3, 5],
    [0, 2],
  ],
  [[2, 3, 5], 1],
  [
    [2, 3, 5],
    [-1, -2],
  ],
  [
    [2, 3, 1, 4],
    [1, 3],
  ],
  [[2, 1, 3, 4], undefined],
  [[1031], undefined],
  [[3, 700], 1],
  [[700, 3], 0],
  [[2, 130, 33], 1],
  [
    [5, 2, 67],
    [0, 1],
  ],
]

const show = (shape: Shape, axes: unknown): string =>
  `[${shape.join(', ')}] over ${axes === undefined ? 'all' : JSON.stringify(axes)}`

export function reductions(op: Reduce, inputs: Inputs, rest: Partial<Sample> = {}): Sample[] {
  const samples: Sample[] = []
  for (const [shape, axes] of sweep) {
    samples.push({
      aspect: 'shapes',
      label: show(shape, axes),
      inputs: [inputs.floats(shape)],
      run: (x) => op(x!, axes),
      ...rest,
    })
    samples.push({
      aspect: 'shapes',
      label: `${show(shape, axes)}, keepdim`,
      inputs: [inputs.floats(shape)],
      run: (x) => op(x!, axes, { keepdim: true }),
      ...rest,
    })
  }
  for (const layout of layoutNames)
    for (const axes of [0, 1, [0, 2], undefined])
      samples.push({
        aspect: 'layouts',
        label: `${layout} ${show([3, 4, 6], axes)}`,
        inputs: [inputs.floats([3, 4, 6], -2, 2, layout)],
        run: (x) => op(x!, axes),
        ...rest,
      })
  return samples
}

export function smooth(op: Reduce, inputs: Inputs): Sample[] {
  return [undefined, 0, 1, [0, 1]].map((axes) => ({
    aspect: 'gradients',
    label: show([2, 3], axes),
    inputs: [inputs.floats([2, 3])],
    run: (x) => op(x!, axes),
    smooth: true,
  }))
}

export function integers(op: Reduce, inputs: Inputs): Sample[] {
  return (['i32', 'u32', 'bool'] as const).map((dtype) => ({
    aspect: 'dtypes',
    label: dtype,
    inputs: [inputs.integers(dtype, [4, 5])],
    run: (x) => op(x!, 1),
  }))
}

/** Reductions over nothing, for ops that have an answer. */
export function empties(op: Reduce, inputs: Inputs): Sample[] {
  return (
    [
      [[0, 3], 0],
      [[3, 0], 1],
      [[0, 3], 1],
      [[0], undefined],
    ] as const
  ).map(([shape, axes]) => ({
    aspect: 'empty',
    label: show(shape, axes),
    inputs: [inputs.floats(shape)],
    run: (x) => op(x!, axes),
  }))
}

const rows = [
  [1, Number.NaN, 3],
  [Number.POSITIVE_INFINITY, 1, 2],
  [Number.NEGATIVE_INFINITY, 1, 2],
  [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
  [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0],
  [Number.NaN, Number.NaN, 1],
  [1e38, 1e38, -1e38],
  [-1e30, -1e30, -1e30],
  [0, -0, 0],
]

export function extremes(op: Reduce): Sample[] {
  return [0, 1].map((axis) => ({
    aspect: 'extremes',
    label: `NaN, infinities and large numbers over ${axis}`,
    inputs: [given(rows.flat(), 'float', [rows.length, 3])],
    run: (x) => op(x!, axis),
    differentiable: false,
    rounded: true,
  }))
}

function ties(op: Reduce, inputs: Inputs): Sample[] {
  return [undefined, 0, 1].map((axes) => ({
    aspect: 'ties',
    label: show([6, 7], axes),
    inputs: [inputs.ties([6, 7])],
    run: (x) => op(x!, axes),
  }))
}

const searches: Reduce[] = [argmax, argmin].map(
  (op): Reduce =>
    (x, axes, options) =>
      // A search takes one axis or all; a list of axes becomes its last one.
      op(x, Array.isArray(axes) ? (axes.at(-1) ?? 0) : (axes as number | undefined), options),
)

const variances =
  (op: typeof variance, correction: number): Reduce =>
  (x, axes, options) =>
    op(x, axes, { ...options, correction } satisfies VarianceOptions)

/** Far from zero a one-pass variance loses everything. */
const farAway = (op: Reduce): Sample => ({
  aspect: 'extremes',
  label: 'far from zero',
  inputs: [given(Array.from({ length: 64 }, (_, i) => 1e4 + (i % 8)))],
  run: (x) => op(x!),
  tolerance: { rtol: 1e-4 },
})

function alongAxis(op: (x: Tensor, axis?: number) => Tensor, inputs: Inputs): Sample[] {
  const samples: Sample[] = []
  const cases = [
    [[5], undefined],
    [[3, 5], 0],
    [[3, 5], -1],
    [[2, 3, 4], 1],
    [[2, 3, 1, 5], 1],
    [[1, 1], 0],
    [[2, 700], 1],
    [[37, 10], -1],
  ] as const
  for (const [shape, axis] of cases)
    samples.push({
      aspect: 'shapes',
      label: show(shape, axis ?? -1),
      inputs: [inputs.floats(shape, -4, 4)],
      run: (x) => op(x!, axis),
    })
  for (const layout of layoutNames)
    samples.push({
      aspect: 'layouts',
      label: layout,
      inputs: [inputs.floats([4, 6], -4, 4, layout)],
      run: (x) => op(x!),
    })
  samples.push({
    aspect: 'extremes',
    label: 'large and infinite numbers',
    inputs: [
      given(
        [1000, 1001, 999, -1000, -1001, -999, Number.NEGATIVE_INFINITY, 0, 1, Number.NaN, 0, 1],
        'float',
        [4, 3],
      ),
    ],
    run: (x) => op(x!),
    differentiable: false,
    rounded: true,
  })
  for (const axis of [0, 1])
    samples.push({
      aspect: 'gradients',
      label: show([2, 3], axis),
      inputs: [inputs.floats([2, 3])],
      run: (x) => op(x!, axis),
      smooth: true,
    })
  return samples
}

export const reduceSamples: SampleTable = {
  sum: (inputs) => [
    ...reductions(sum, inputs),
    ...integers(sum, inputs),
    ...empties(sum, inputs),
    ...extremes(sum),
    ...smooth(sum, inputs),
    {
      aspect: 'dtypes',
      label: 'i32 wraps',
      inputs: [given([2 ** 31 - 1, 1, 5], 'i32')],
      run: (x) => sum(x!),
    },
    {
      aspect: 'dtypes',
      label: 'u32 above 2^31',
      inputs: [given([2 ** 31, 2 ** 30, 3], 'u32')],
      run: (x) => sum(x!),
    },
  ],
  mean: (inputs) => [
    ...reductions(mean, inputs),
    ...integers(mean, inputs),
    ...empties(mean, inputs),
    ...extremes(mean),
    ...smooth(mean, inputs),
  ],
  max: (inputs) => [
    ...reductions(max, inputs),
    ...integers(max, inputs),
    ...extremes(max),
    ...ties(max, inputs),
    ...smooth(max, inputs),
  ],
  min: (inputs) => [
    ...reductions(min, inputs),
    ...integers(min, inputs),
    ...extremes(min),
    ...ties(min, inputs),
    ...smooth(min, inputs),
  ],
  argmax: (inputs) => [
    ...reductions(searches[0]!, inputs),
    ...integers(searches[0]!, inputs),
    ...extremes(searches[0]!),
    ...ties(searches[0]!, inputs),
  ],
  argmin: (inputs) => [
    ...reductions(searches[1]!, inputs),
    ...integers(searches[1]!, inputs),
    ...extremes(searches[1]!),
    ...ties(searches[1]!, inputs),
  ],
  countNonzero: (inputs) => [
    ...integers(countNonzero, inputs),
    ...empties(countNonzero, inputs),
    ...extremes(countNonzero),
    ...ties(countNonzero, inputs),
  ],
  nansum: (inputs) => [...integers(nansum, inputs), ...extremes(nansum), ...smooth(nansum, inputs)],
  nanmean: (inputs) => [
    ...integers(nanmean, inputs),
    ...extremes(nanmean),
    ...smooth(nanmean, inputs),
  ],
  any: (inputs) => [
    ...integers(any, inputs),
    ...empties(any, inputs),
    ...extremes(any),
    ...ties(any, inputs),
  ],
  all: (inputs) => [
    ...integers(all, inputs),
    ...empties(all, inputs),
    ...extremes(all),
    ...ties(all, inputs),
  ],
  variance: (inputs) => [
    ...reductions(variances(variance, 0), inputs),
    ...integers(variance, inputs),
    ...smooth(variances(variance, 0), inputs),
    farAway(variance),
    {
      label: 'unbiased',
      inputs: [inputs.floats([4, 5])],
      run: (x) => variance(x!, 0),
    },
  ],
  std: (inputs) => [
    ...integers(std, inputs),
    farAway(std),
    {
      label: 'unbiased',
      inputs: [inputs.floats([4, 5])],
      run: (x) => std(x!, 0),
    },
    {
      aspect: 'gradients',
      label: '[2, 3] over 1',
      inputs: [inputs.floats([2, 3])],
      run: (x) => std(x!, 1),
      smooth: true,
    },
  ],
  logsumexp: (inputs) => [
    ...reductions(logsumexp, inputs),
    ...integers(logsumexp, inputs),
    ...extremes(logsumexp),
    ...smooth(logsumexp, inputs),
  ],
  softmax: (inputs) => alongAxis(softmax, inputs),
  logSoftmax: (inputs) => alongAxis(logSoftmax, inputs),
}
