/** Samples of ops that make tensors from numbers. They use the default device and dtype. */
import {
  arange,
  eye,
  full,
  linspace,
  oneHot,
  ones,
  onesLike,
  tensor,
  zeros,
  zerosLike,
} from '@nablajs/tensor'
import { given, type Sample } from '../sample.ts'
import type { SampleTable } from './table.ts'

const made = (label: string, run: Sample['run']): Sample => ({ label, inputs: [], run })

const dtypes = ['i32', 'u32', 'bool'] as const

export const createSamples: SampleTable = {
  tensor: () => [
    made('a number', () => tensor(1.5)),
    made('nested', () =>
      tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]),
    ),
    made('empty', () => tensor([])),
    made('typed arrays', () => [
      tensor(new Int32Array([1, -2])),
      tensor(new Uint32Array([1, 2 ** 32 - 1])),
      tensor(new Uint8Array([1, 255]), { shape: [2, 1] }),
    ]),
    ...dtypes.map((dtype) => made(dtype, () => tensor([-1.5, 0, 2.5, 3], { dtype }))),
  ],
  full: () => [
    made('[2, 3]', () => full([2, 3], 0.1)),
    made('[]', () => full([], -7)),
    made('[0]', () => full([0], 1)),
    made('NaN and infinities', () => [full([3], Number.NaN), full([3], Number.NEGATIVE_INFINITY)]),
    ...dtypes.map((dtype) => made(dtype, () => full([5], 1, { dtype }))),
  ],
  zeros: () => [
    made('[2, 3]', () => zeros([2, 3])),
    made('i32', () => zeros([3], { dtype: 'i32' })),
  ],
  ones: () => [
    made('[2, 3]', () => ones([2, 3])),
    made('[1031]', () => ones([1031])),
    made('bool', () => ones([3], { dtype: 'bool' })),
  ],
  zerosLike: () => [
    { label: 'i32', inputs: [given([1, 2], 'i32')], run: (x) => zerosLike(x!) },
    { label: 'float', inputs: [given([1, 2])], run: (x) => zerosLike(x!.reshape([2, 1])) },
  ],
  onesLike: () => [
    { label: 'bool', inputs: [given([0, 1], 'bool')], run: (x) => onesLike(x!) },
    { label: 'float', inputs: [given([1, 2])], run: (x) => onesLike(x!.reshape([2, 1])) },
  ],
  arange: () => [
    made('5', () => arange(5)),
    made('2 .. 9 by 3', () => arange(2, 9, 3)),
    made('backwards', () => arange(3, -4, -2)),
    made('fractions', () => arange(0, 1, 0.25)),
    made('of nothing', () => arange(3, 3)),
    made('as float', () => arange(0, 700, 1, { dtype: 'f32' })),
  ],
  linspace: () => [
    made('0 .. 1 in 11', () => linspace(0, 1, 11)),
    made('-1 .. 2 in 7', () => linspace(-1, 2, 7)),
    made('one', () => linspace(3, 5, 1)),
    made('2000', () => linspace(-3, 3, 2000)),
  ],
  eye: () => [
    made('4', () => eye(4)),
    made('3 x 5', () => eye(3, 5)),
    made('i32', () => eye(5, 3, { dtype: 'i32' })),
  ],
  oneHot: () => [
    { label: '[4]', inputs: [given([0, 2, 1, 2], 'i32')], run: (x) => oneHot(x!, 3) },
    {
      label: '[2, 2] with classes out of range',
      inputs: [given([0, 5, -1, 2], 'i32', [2, 2])],
      run: (x) => oneHot(x!, 3),
    },
    {
      label: 'u32 to i32',
      inputs: [given([0, 2, 1], 'u32')],
      run: (x) => oneHot(x!, 4, { dtype: 'i32' }),
    },
  ],
}
