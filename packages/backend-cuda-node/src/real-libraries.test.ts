/**
 * The descriptors that are made for cuDNN and cuBLASLt, by the real libraries where they are there:
 * these need no GPU, and tell what they were told.
 */
import type { View } from '@nablajs/tensor/backend'
import { expect, test } from 'vitest'
import { type Bound, cublasLtApi, cudnnApi } from './api/index.ts'
import { addressOf, Cells } from './cells.ts'
import type { Context } from './context.ts'
import { Dnn } from './cudnn.ts'
import type { Device } from './device.ts'
import { BlasLt } from './kernels/blas-lt.ts'
import { bind, openLibrary } from './libraries.ts'
import type { Pool } from './pool.ts'

// cuDNN looks for what is in the folder of cuBLAS: it is opened first, as by the device.
const blas = openLibrary('cublas', process.env).found
const dnn = openLibrary('cudnn', process.env).found
const because = (found: unknown, what: string): string => (found ? '' : ` (there is no ${what})`)

const view = (...shape: number[]) => ({ shape, dtype: 'f32' }) as unknown as View
const cells = new Cells()
const device = { address: () => 4096, context: { cells, stream: 1 } } as unknown as Device

test.skipIf(!dnn).each([
  [[2, 8, 9, 3], [3, 3, 3, 8], [2, 4, 5, 8], { stride: [2, 2], padding: [1, 1] }],
  [[1, 10, 9, 2], [3, 2, 2, 3], [1, 10, 6, 3], { dilation: [2, 3], padding: [2, 0] }],
  [[2, 6, 6, 10], [3, 5, 5, 6], [2, 6, 6, 6], { padding: [1, 2], groups: 2 }],
] as const)(
  `cuDNN computes the shape of the result of %j by %j${because(dnn, 'cuDNN')}`,
  (image, weight, result, more) => {
    const { handle } = dnn!
    const five = ['uintptr_t', 'uintptr_t', 'uintptr_t', 'uintptr_t', 'uintptr_t']
    const extentsOf = handle.func('cudnnGetConvolution2dForwardOutputDim', 'int', [
      'uintptr_t',
      'uintptr_t',
      ...five,
    ])
    const tensorOf = handle.func('cudnnGetTensor4dDescriptor', 'int', [...five, ...five])
    const told = new Int32Array(9)
    const at = (i: number): number => addressOf(told) + 4 * i
    let asked = 0
    const api: Bound<typeof cudnnApi> = {
      ...bind(dnn!, cudnnApi),
      cudnnCreate: () => 0,
      cudnnSetStream: () => 0,
      cudnnGetConvolutionForwardWorkspaceSize: (_, x, filter, convolution, y) => {
        asked++
        const code = extentsOf(convolution, x, filter, at(0), at(1), at(2), at(3))
        const [n, oh, ow, k] = result
        expect([code, ...told.slice(0, 4)]).toEqual([0, n, k, oh, ow])
        // Dtype, sizes, and strides with channels last.
        expect(tensorOf(y, ...[...told.keys()].map(at))).toBe(0)
        expect([...told]).toEqual([0, n, k, oh, ow, oh * ow * k, 1, ow * k, k])
        return 3000
      },
    }
    const geometry = {
      stride: [1, 1],
      dilation: [1, 1],
      groups: 1,
      ...more,
    } as const
    const views = { image: view(...image), weight: view(...weight), result: view(...result) }
    expect(new Dnn(api, device, false).run('conv2d', views, geometry)).toBe(false)
    // Both algorithms.
    expect(asked).toBe(2)
  },
)

test.skipIf(!blas)(`cuBLASLt is told of batches with a bias${because(blas, 'cuBLAS')}`, () => {
  const { handle } = blas!
  const getter = (name: string) => {
    const get = handle.func(name, 'int', ['uintptr_t', 'int', 'uintptr_t', 'size_t', 'uintptr_t'])
    const words = new BigInt64Array(2)
    return (object: number, attribute: number, bytes: number): number => {
      words.fill(0n)
      expect(get(object, attribute, addressOf(words), bytes, addressOf(words) + 8)).toBe(0)
      return Number(words[0])
    }
  }
  const described = getter('cublasLtMatmulDescGetAttribute')
  const laidOut = getter('cublasLtMatrixLayoutGetAttribute')
  const preferred = getter('cublasLtMatmulPreferenceGetAttribute')
  const c = cublasLtApi.constants
  let asked = 0
  const api: Bound<typeof cublasLtApi> = {
    ...bind(blas!, cublasLtApi),
    cublasLtCreate: () => 0,
    cublasLtMatmulAlgoGetHeuristic: (_, description, ...rest) => {
      asked++
      const [a, b, added, d, preference] = rest as unknown as [
        number,
        number,
        number,
        number,
        number,
      ]
      expect([
        described(description, c.CUBLASLT_MATMUL_DESC_TRANSA, 4),
        described(description, c.CUBLASLT_MATMUL_DESC_TRANSB, 4),
        described(description, c.CUBLASLT_MATMUL_DESC_EPILOGUE, 4),
        described(description, c.CUBLASLT_MATMUL_DESC_BIAS_POINTER, 8),
        described(description, c.CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, 8),
      ]).toEqual([1, 0, 4, 4096 + 64, 6])
      // Type, rows, columns, leading dimension, count and stride of the matrices as they lie there.
      const layout = (own: number) =>
        [
          [0, 4],
          [2, 8],
          [3, 8],
          [4, 8],
          [5, 4],
          [6, 8],
        ].map(([attribute, bytes]) => laidOut(own, attribute!, bytes!))
      expect(layout(a)).toEqual([0, 4, 6, 9, 3, 70])
      expect(layout(b)).toEqual([0, 4, 5, 4, 3, 20])
      expect(layout(added)).toEqual([0, 6, 5, 8, 3, 40])
      expect(layout(d)).toEqual([0, 6, 5, 8, 3, 40])
      expect(
        [1, 5, 6, 7, 8].map((which) => preferred(preference, which, which === 1 ? 8 : 4)),
      ).toEqual([2 ** 25, 256, 4, 16, 16])
      return c.CUBLAS_STATUS_NOT_SUPPORTED
    },
  }
  const context = { cells, stream: 1, architecture: 90, usable: false } as unknown as Context
  const lt = new BlasLt(api, context, {} as Pool, false)
  const done = lt.multiply(
    {
      dtype: 'f32',
      m: 6,
      n: 5,
      k: 4,
      count: 3,
      a: { address: 4096, transposed: true, leading: 9, step: 70 },
      b: { address: 4100, transposed: false, leading: 4, step: 20 },
      d: { address: 4112, transposed: false, leading: 8, step: 40 },
      bias: { address: 4096 + 64, step: 6 },
    },
    'addmm',
  )
  expect([done, asked]).toEqual([false, 1])
})
