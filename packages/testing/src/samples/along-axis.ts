/** Samples of ops that work along one axis and give one tensor or several. */
import type { Shape, Tensor } from '@nablajs/tensor'
import { given, type Inputs, layoutNames, type Sample } from '../sample.ts'

type AlongAxis = (x: Tensor, axis: number) => Tensor | readonly Tensor[]

const sweep: readonly (readonly [Shape, number])[] = [
  [[1], 0],
  [[7], 0],
  [[3, 5], 0],
  [[3, 5], -1],
  [[2, 3, 4], 1],
  [[2, 3, 1, 5], 2],
  [[2, 200], 1],
  [[130, 3], 0],
  [[0, 3], 1],
]

const show = (shape: Shape, axis: number): string => `[${shape.join(', ')}] along ${axis}`

export interface AlongAxisOptions {
  /** What floats are drawn from; default [-2, 2]. */
  readonly range?: readonly [number, number]
  /** Whether integers and bools are taken. Default true. */
  readonly integers?: boolean
}

/** Shapes, layouts, dtypes, ties, extremes and differences. */
export function alongAxis(op: AlongAxis, inputs: Inputs, options: AlongAxisOptions = {}): Sample[] {
  const [low, high] = options.range ?? [-2, 2]
  const samples: Sample[] = sweep.map(([shape, axis]) => ({
    aspect: 'shapes',
    label: show(shape, axis),
    inputs: [inputs.floats(shape, low, high)],
    run: (x) => op(x!, axis),
  }))
  for (const layout of layoutNames)
    for (const axis of [0, 1])
      samples.push({
        aspect: 'layouts',
        label: `${layout} along ${axis}`,
        inputs: [inputs.floats([4, 6], low, high, layout)],
        run: (x) => op(x!, axis),
      })
  if (options.integers ?? true)
    for (const dtype of ['i32', 'u32', 'bool'] as const)
      samples.push({
        aspect: 'dtypes',
        label: dtype,
        inputs: [inputs.integers(dtype, [4, 5])],
        run: (x) => op(x!, 1),
      })
  samples.push({
    aspect: 'ties',
    label: '[6, 7]',
    inputs: [inputs.ties([6, 7])],
    run: (x) => op(x!, 1),
  })
  samples.push({
    aspect: 'extremes',
    label: 'NaN, infinities and large numbers',
    inputs: [
      given(
        [1, Number.NaN, 3, 4, -1e30, 1e30, 2e30, Number.POSITIVE_INFINITY, 0, -0, 5, -1].concat(
          [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, 2, 100],
          [Number.NaN, 2, Number.NaN, Number.NEGATIVE_INFINITY],
        ),
        'float',
        [5, 4],
      ),
    ],
    run: (x) => op(x!, 1),
    differentiable: false,
    rounded: true,
  })
  for (const axis of [0, 1])
    samples.push({
      aspect: 'gradients',
      label: show([2, 3], axis),
      inputs: [inputs.floats([2, 3], low, high)],
      run: (x) => op(x!, axis),
      smooth: true,
    })
  return samples
}

/** A sample in which the factors of products are 0. */
export const withZeros = (
  label: string,
  run: (x: Tensor) => Tensor,
  values: readonly number[] = [0, 2, 3, 0, 0, 4, -1, 2, 0.5],
): Sample => ({
  aspect: 'gradients',
  label,
  inputs: [given(values, 'float', [3, 3])],
  run: (x) => run(x!),
  smooth: true,
})
