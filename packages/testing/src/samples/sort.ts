/** Samples of what depends on order. */
import {
  argsort,
  maxWithIndices,
  median,
  medianWithIndices,
  minWithIndices,
  sort,
  topk,
} from '@nablajs/tensor'
import type { Sample } from '../sample.ts'
import { alongAxis } from './along-axis.ts'
import type { SampleTable } from './table.ts'

const notEmpty = ({ inputs }: Sample): boolean => !inputs[0]!.shape.includes(0)

export const sortSamples: SampleTable = {
  sort: (inputs) => [
    ...alongAxis((x, axis) => Object.values(sort(x, axis)), inputs),
    ...alongAxis((x, axis) => Object.values(sort(x, axis, { descending: true })), inputs),
  ],
  argsort: (inputs) =>
    alongAxis((x, axis) => argsort(x, axis), inputs).map((sample) => ({
      ...sample,
      smooth: false,
    })),
  topk: (inputs) => [
    ...alongAxis((x, axis) => Object.values(topk(x, 1, axis)), inputs),
    {
      label: 'the 3 smallest',
      inputs: [inputs.floats([4, 9])],
      run: (x) => Object.values(topk(x!, 3, 1, { largest: false })),
    },
    { label: 'none', inputs: [inputs.floats([4])], run: (x) => topk(x!, 0).values },
  ],
  maxWithIndices: (inputs) =>
    alongAxis((x, axis) => Object.values(maxWithIndices(x, axis)), inputs),
  minWithIndices: (inputs) =>
    alongAxis((x, axis) => Object.values(minWithIndices(x, axis, { keepdim: true })), inputs),
  median: (inputs) => [
    ...alongAxis((x, axis) => median(x, axis), inputs),
    { label: 'of all', inputs: [inputs.floats([4, 5])], run: (x) => median(x!) },
  ],
  medianWithIndices: (inputs) =>
    alongAxis((x, axis) => Object.values(medianWithIndices(x, axis)), inputs).filter(notEmpty),
}
