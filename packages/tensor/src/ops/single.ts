/** Exports that take a tensor first, and so become methods too: of whole files, and of mixed ones. */
export { conv2d } from '../kernels/conv2d.ts'
export { gather, scatterAdd } from '../kernels/gather.ts'
export { matmul } from '../kernels/matmul.ts'
export { avgPool2d, maxPool2d, maxPool2dWithIndices } from '../kernels/pool2d.ts'
export * from './activations.ts'
export { oneHot, onesLike, zerosLike } from './create.ts'
export { dropout } from './random.ts'
export * from './special.ts'
