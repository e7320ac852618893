import type { View } from '@nablajs/tensor/backend'
import { describe, expect, test } from 'vitest'
import type { Bound, cudnnApi } from './api/index.ts'
import { Cells } from './cells.ts'
import { type ConvolutionViews, Dnn, isExpressible } from './cudnn.ts'
import type { Device } from './device.ts'

const view = (...shape: number[]) => ({ shape, dtype: 'f32' }) as unknown as View
const views = (image: number[], weight: number[], result: number[]): ConvolutionViews => ({
  image: view(...image),
  weight: view(...weight),
  result: view(...result),
})
const plain = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 } as const

describe('what cuDNN can express', () => {
  test.each([
    ['no padding', [1, 8, 8, 2], [3, 3, 2, 4], [1, 6, 6, 4], plain, true],
    [
      'the same padding on both sides',
      [1, 8, 8, 2],
      [3, 3, 2, 4],
      [1, 8, 8, 4],
      { ...plain, padding: [1, 1] },
      true,
    ],
    [
      'rows that a stride leaves out',
      [1, 8, 8, 2],
      [3, 3, 2, 4],
      [1, 3, 3, 4],
      { ...plain, stride: [2, 2] },
      true,
    ],
    ['zeros below alone', [1, 8, 8, 2], [2, 1, 2, 4], [1, 8, 8, 4], plain, false],
    [
      'zeros above alone',
      [1, 8, 8, 2],
      [2, 1, 2, 4],
      [1, 8, 8, 4],
      { ...plain, padding: [1, 0] },
      false,
    ],
    [
      'a dilated window',
      [1, 8, 8, 2],
      [3, 3, 2, 4],
      [1, 4, 2, 4],
      { ...plain, dilation: [2, 3] },
      true,
    ],
    ['no images', [0, 8, 8, 2], [3, 3, 2, 4], [0, 6, 6, 4], plain, false],
    [
      'more elements than 32 bits count',
      [2048, 1024, 1024, 1],
      [1, 1, 1, 1],
      [2048, 1024, 1024, 1],
      plain,
      false,
    ],
  ] as const)('%s', (_, image, weight, result, geometry, wanted) => {
    expect(isExpressible(views([...image], [...weight], [...result]), geometry)).toBe(wanted)
  })
})

describe('answers of cuDNN', () => {
  const device = {
    address: () => 4096,
    context: { cells: new Cells(), stream: 1 },
  } as unknown as Device
  const shape = views([1, 8, 8, 2], [3, 3, 2, 4], [1, 6, 6, 4])
  const api = (calls: object) =>
    ({
      cudnnGetErrorString: (code: number) => `CUDNN_STATUS_${code}`,
      ...calls,
    }) as unknown as Bound<typeof cudnnApi>

  test('name the op and the way without it', () => {
    const dnn = new Dnn(api({ cudnnCreate: () => 1002 }), device, false)
    expect(() => dnn.run('conv2dGradInput', shape, plain)).toThrow(
      'conv2dGradInput: cuDNN answered CUDNN_STATUS_1002 (1002); with NABLA_CUDA_CUDNN=off convolutions are computed without it',
    )
  })

  const ok = () => 0
  const described = {
    cudnnCreate: ok,
    cudnnSetStream: ok,
    cudnnCreateTensorDescriptor: ok,
    cudnnCreateFilterDescriptor: ok,
    cudnnCreateConvolutionDescriptor: ok,
    cudnnSetTensor4dDescriptor: ok,
    cudnnSetFilter4dDescriptor: ok,
    cudnnSetConvolution2dDescriptor: ok,
    cudnnSetConvolutionGroupCount: ok,
    cudnnSetConvolutionMathType: ok,
    cudnnDestroyTensorDescriptor: ok,
    cudnnDestroyFilterDescriptor: ok,
    cudnnDestroyConvolutionDescriptor: ok,
  }

  test('an algorithm that it does not have for a shape is none', () => {
    const asked: number[] = []
    const refuse = (...args: number[]) => {
      asked.push(args[5]!)
      return 3002
    }
    const dnn = new Dnn(
      api({ ...described, cudnnGetConvolutionForwardWorkspaceSize: refuse }),
      device,
      false,
    )
    expect(dnn.run('conv2d', shape, plain)).toBe(false)
    expect(dnn.run('conv2d', shape, plain)).toBe(false)
    // Both algorithms of the op, once.
    expect(asked).toEqual([1, 0])
  })

  test('what it refuses when it is called goes to own kernels from then on', () => {
    let calls = 0
    const fake = api({
      ...described,
      cudnnGetConvolutionBackwardFilterWorkspaceSize: ok,
      cudnnConvolutionBackwardFilter: () => {
        calls++
        return 3002
      },
    })
    const withPool = {
      ...device,
      context: { ...device.context, noteLaunch: ok },
      pool: { scratch: (_: number, use: (at: number) => unknown) => use(4096) },
    } as unknown as Device
    const dnn = new Dnn(fake, withPool, false)
    expect(dnn.run('conv2dGradWeight', shape, plain)).toBe(false)
    expect(dnn.run('conv2dGradWeight', shape, plain)).toBe(false)
    expect(calls).toBe(1)
  })

  test.each([
    [false, 3],
    [true, 0],
  ])('with TF32 allowed %j the math type is %i', (allowed, wanted) => {
    const types: number[] = []
    const calls = {
      ...described,
      cudnnSetConvolutionMathType: (_: number, type: number) => {
        types.push(type)
        return 0
      },
      cudnnGetConvolutionBackwardFilterWorkspaceSize: () => 3000,
    }
    expect(new Dnn(api(calls), device, allowed).run('conv2dGradWeight', shape, plain)).toBe(false)
    expect(types).toEqual([wanted])
  })
})
