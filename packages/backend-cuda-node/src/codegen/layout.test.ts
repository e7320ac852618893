/** Which operands move in vectors, and in which. */
import { type DType, step } from '@nablajs/tensor/backend'
import { expect, test } from 'vitest'
import { vectorType, widthOf } from './layout.ts'

const { unit, fixed, strided } = step

const cases: readonly [
  title: string,
  width: number,
  operands: readonly (readonly [
    dtype: DType,
    kind: typeof unit | typeof fixed | typeof strided,
    address: number,
  ])[],
  extent?: number,
][] = [
  [
    'floats',
    4,
    [
      ['f32', unit, 512],
      ['f32', unit, 1024],
    ],
  ],
  [
    'halves alone: 16 bytes of them',
    8,
    [
      ['f16', unit, 512],
      ['f16', unit, 1040],
    ],
  ],
  [
    'halves and other halves',
    8,
    [
      ['f16', unit, 512],
      ['bf16', unit, 1024],
    ],
  ],
  [
    'halves that begin at 8 bytes',
    4,
    [
      ['bf16', unit, 512],
      ['bf16', unit, 1032],
    ],
  ],
  [
    'halves that begin at 4 bytes',
    1,
    [
      ['bf16', unit, 512],
      ['bf16', unit, 1028],
    ],
  ],
  [
    'halves among floats: 8 bytes of them',
    4,
    [
      ['f16', unit, 1032],
      ['f32', unit, 1024],
    ],
  ],
  [
    'floats that begin at 8 bytes',
    1,
    [
      ['f16', unit, 512],
      ['f32', unit, 1032],
    ],
  ],
  ['doubles', 4, [['f64', unit, 16]]],
  [
    'a float that repeats says nothing',
    8,
    [
      ['f16', unit, 512],
      ['f32', fixed, 1028],
    ],
  ],
  [
    'nor one that lies apart',
    8,
    [
      ['f16', unit, 512],
      ['f32', strided, 1028],
    ],
  ],
  ['few halves', 4, [['f16', unit, 512]], 12],
  ['fewer', 1, [['f16', unit, 512]], 6],
  [
    'nothing that is dense',
    1,
    [
      ['f16', strided, 512],
      ['f32', fixed, 1024],
    ],
  ],
]

test.each(cases)('%s', (_, width, operands, extent = 64) => {
  const [dtypes, kinds, addresses] = [0, 1, 2].map((part) => operands.map((own) => own[part]!)) as [
    DType[],
    (typeof unit)[],
    number[],
  ]
  expect(widthOf(dtypes, kinds, addresses, (wanted) => extent % wanted === 0)).toBe(width)
})

test('vectors are aligned to what is read at once', () => {
  expect(vectorType('bf16', 8)).toBe('struct alignas(16) vector_bf16 { unsigned short e[8]; };')
  expect(vectorType('f16', 4)).toBe('struct alignas(8) vector_f16 { unsigned short e[4]; };')
  expect(vectorType('f64', 4)).toBe('struct alignas(16) vector_f64 { double e[4]; };')
})
