/** Samples of products and of running sums, products and extrema. */
import { cummax, cummin, cumprod, cumsum, logcumsumexp, prod } from '@nablajs/tensor'
import { alongAxis, withZeros } from './along-axis.ts'
import { empties, extremes, integers, reductions, smooth } from './reduce.ts'
import type { SampleTable } from './table.ts'

export const cumulativeSamples: SampleTable = {
  cumsum: (inputs) => alongAxis(cumsum, inputs),
  cumprod: (inputs) => [
    ...alongAxis(cumprod, inputs, { range: [0.8, 1.2] }),
    withZeros('with zeros', (x) => cumprod(x)),
  ],
  logcumsumexp: (inputs) => alongAxis(logcumsumexp, inputs),
  cummax: (inputs) => alongAxis((x, axis) => Object.values(cummax(x, axis)), inputs),
  cummin: (inputs) => alongAxis((x, axis) => Object.values(cummin(x, axis)), inputs),
  prod: (inputs) => [
    ...reductions((x, axes, options) => prod(x.tanh().add(1.5), axes, options), inputs, {
      tolerance: { rtol: 1e-4 },
    }),
    ...integers(prod, inputs),
    ...empties(prod, inputs),
    ...extremes(prod),
    ...smooth(prod, inputs),
    withZeros('with zeros', (x) => prod(x, 1)),
    withZeros('of all, with one zero', (x) => prod(x), [1, 2, 0.5, 1, 0, 2, 1, -1, 1]),
  ],
}
