/** Samples of sums of products and of distances. */
import { cdist, dot, einsum, outer, type Shape } from '@nablajs/tensor'
import type { Sample } from '../sample.ts'
import type { SampleTable } from './table.ts'

const equations: readonly (readonly [string, ...Shape[]])[] = [
  ['ij,jk->ik', [2, 3], [3, 2]],
  ['ij,jk', [2, 3], [3, 2]],
  ['bhqd,bhkd->bhqk', [2, 1, 2, 3], [2, 1, 2, 3]],
  ['ii->i', [3, 3]],
  ['ii', [3, 3]],
  ['iji->j', [2, 3, 2]],
  ['ij->', [2, 3]],
  ['ij->ji', [2, 3]],
  ['bij,bjk,bk->bi', [2, 2, 3], [2, 3, 2], [2, 2]],
  ['...ij,...kj->...ik', [2, 1, 2, 3], [2, 2, 3]],
  ['i,j->ji', [2], [3]],
  ['ij,ij->', [2, 3], [2, 3]],
  ['ij,jk->k', [2, 3], [3, 2]],
  ['i...,i', [2, 3], [2]],
  ['ij,jk->ik', [2, 1], [3, 2]],
]

const both = (label: string, inputs: Sample['inputs'], run: Sample['run']): Sample[] => [
  { label, inputs, run },
  { aspect: 'gradients', label, inputs, run, smooth: true },
]

export const einsumSamples: SampleTable = {
  einsum: (inputs) =>
    equations.flatMap(([equation, ...shapes]) =>
      both(
        `${equation} ${shapes.map((shape) => `[${shape.join(', ')}]`).join(' ')}`,
        shapes.map((shape) => inputs.floats(shape)),
        (...operands) => einsum(equation, ...operands),
      ),
    ),
  dot: (inputs) => both('[4]', [inputs.floats([4]), inputs.floats([4])], (a, b) => dot(a!, b!)),
  outer: (inputs) =>
    both('[2] [3]', [inputs.floats([2]), inputs.floats([3])], (a, b) => outer(a!, b!)),
  cdist: (inputs) =>
    [1, 2, 3, Number.POSITIVE_INFINITY].flatMap((p) =>
      both(`p = ${p}`, [inputs.floats([2, 3, 2]), inputs.floats([2, 2])], (a, b) =>
        cdist(a!, b!, p),
      ),
    ),
}
