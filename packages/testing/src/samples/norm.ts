/** Samples of norms. */
import { norm, renorm, type Tensor } from '@nablajs/tensor'
import { given, type Sample } from '../sample.ts'
import { empties, extremes, integers, type Reduce, reductions, smooth } from './reduce.ts'
import type { SampleTable } from './table.ts'

const orders = [0, 1, 2, 3, 0.5, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]

const ofOrder =
  (p: number): Reduce =>
  (x, axes, options) =>
    norm(x, p, axes, options)

/** The gradient at 0 is 0. */
const atZero = (label: string, run: (x: Tensor) => Tensor): Sample => ({
  aspect: 'ties',
  label,
  inputs: [given([0, 0, 0, 1, 0, -2], 'float', [2, 3])],
  run: (x) => run(x!),
})

export const normSamples: SampleTable = {
  norm: (inputs) => [
    ...reductions((x, axes, options) => norm(x, 2, axes, options), inputs),
    ...integers((x, axes) => norm(x, 2, axes), inputs),
    ...empties((x, axes) => norm(x, 2, axes), inputs),
    ...extremes((x, axes) => norm(x, 2, axes)),
    ...orders.flatMap((p) => smooth(ofOrder(p), inputs)),
    ...orders.map((p) => atZero(`p = ${p} at zero`, (x) => norm(x, p, 1))),
  ],
  renorm: (inputs) => [
    ...[1, 2, 3].map(
      (p): Sample => ({
        aspect: 'gradients',
        label: `p = ${p}`,
        inputs: [inputs.floats([3, 2])],
        run: (x) => renorm(x!, p, 0, 1.5),
        smooth: true,
      }),
    ),
    {
      label: 'axis 1 of [2, 3, 4]',
      inputs: [inputs.floats([2, 3, 4])],
      run: (x) => renorm(x!, 2, -2, 2),
    },
  ],
}
