/**
 * Why each kernel is ours and not TensorFlow.js's (4.22), which shares the device. Both ran on one Dawn
 * device with SwiftShader: 344 products, convolutions, gradients, pools, depthwise convolutions and running
 * sums at swept shapes, whole numbers compared exactly. Times there tell overheads, not what a GPU does.
 */
import type { Kernels } from '@nablajs/tensor/backend'

export interface Provider {
  readonly by: 'ours' | 'TensorFlow.js'
  /** What decided it. */
  readonly because: string
}

/** Who provides each kernel, and why. */
export const providers: Readonly<Record<keyof Kernels, Provider>> = {
  matmul: {
    by: 'ours',
    because:
      "TensorFlow.js's is wrong where b is transposed and the depth 2000 or more; it takes no strided views",
  },
  addmm: {
    by: 'ours',
    because: 'as for `matmul`, whose shader it is, with a term',
  },
  conv2d: { by: 'ours', because: 'right in both; TensorFlow.js has no groups' },
  conv2dGradInput: {
    by: 'ours',
    because: 'right in both; TensorFlow.js has no dilation, no groups',
  },
  conv2dGradWeight: {
    by: 'ours',
    because:
      'right in both; TensorFlow.js has no dilation, no groups, and does not divide long sums',
  },
  maxPool2d: {
    by: 'ours',
    because: 'right in both; TensorFlow.js finds the indices with another kernel',
  },
  sumPool2d: { by: 'ours', because: 'TensorFlow.js has means, which leave the padding out' },
  sumPool2dGrad: { by: 'ours', because: 'TensorFlow.js has the gradient of means' },
  gather: { by: 'ours', because: 'TensorFlow.js picks whole slices, not elements' },
  scatterAdd: {
    by: 'ours',
    because: 'TensorFlow.js adds floats in any order, so results change from run to run',
  },
  sort: { by: 'ours', because: 'TensorFlow.js has topK alone' },
  cumulative: {
    by: 'ours',
    because:
      "TensorFlow.js's is wrong in reverse for every length but the first; it has sums and products only",
  },
}
