import {
  argmax,
  argmin,
  bincount,
  cumprod,
  cumsum,
  logcumsumexp,
  logsumexp,
  max,
  maxWithIndices,
  mean,
  medianWithIndices,
  min,
  minWithIndices,
  norm,
  prod,
  searchsorted,
  sort,
  std,
  sum,
  topk,
  variance,
} from '@nablajs/tensor'
import type { Args } from '../args.ts'
import { type AdapterTable, axesOf, axisOf, gives, indexed, keepdimOf, onX } from './adapter.ts'

const varianceOf = (args: Args) => ({
  correction: args.boolean('unbiased', true) ? 1 : 0,
  ...keepdimOf(args),
})

export const reduceAdapters: AdapterTable = {
  sum: onX((x, args) => sum(x, axesOf(args), keepdimOf(args))),
  prod: onX((x, args) => prod(x, axesOf(args), keepdimOf(args))),
  mean: onX((x, args) => mean(x, axesOf(args), keepdimOf(args))),
  var: onX((x, args) => variance(x, axesOf(args), varianceOf(args))),
  std: onX((x, args) => std(x, axesOf(args), varianceOf(args))),
  logsumexp: onX((x, args) => logsumexp(x, axesOf(args), keepdimOf(args))),
  norm: onX((x, args) => norm(x, args.number('ord', 2), axesOf(args), keepdimOf(args))),
  amax: onX((x, args) => max(x, axesOf(args), keepdimOf(args))),
  amin: onX((x, args) => min(x, axesOf(args), keepdimOf(args))),
  argmax: onX((x, args) => argmax(x, axisOf(args), keepdimOf(args))),
  argmin: onX((x, args) => argmin(x, axisOf(args), keepdimOf(args))),
  max: (inputs, args) => indexed(maxWithIndices(inputs.get('x'), axisOf(args), keepdimOf(args))),
  min: (inputs, args) => indexed(minWithIndices(inputs.get('x'), axisOf(args), keepdimOf(args))),
  median: (inputs, args) =>
    indexed(medianWithIndices(inputs.get('x'), axisOf(args), keepdimOf(args))),
  sort: (inputs, args) => {
    const descending = args.boolean('descending', false)
    return indexed(sort(inputs.get('x'), axisOf(args), { descending }))
  },
  topk: (inputs, args) => {
    const largest = args.boolean('largest', true)
    return indexed(topk(inputs.get('x'), args.number('k'), axisOf(args), { largest }))
  },
  cumsum: onX((x, args) => cumsum(x, axisOf(args))),
  cumprod: onX((x, args) => cumprod(x, axisOf(args))),
  logcumsumexp: onX((x, args) => logcumsumexp(x, axisOf(args))),
  bincount: onX((x, args) => bincount(x, args.number('minlength'))),
  searchsorted: (inputs, args) => {
    const right = args.boolean('right', false)
    return gives(searchsorted(inputs.get('s'), inputs.get('v'), { right }))
  },
}
