/**
 * The kernels as one WebAssembly module. It imports its memory, keeps no state and allocates
 * nothing: whoever calls passes addresses, scratch memory among them.
 */
export { convert } from './convert'
export { convolutionPack, convolutionPacked, convolutionScratch, convolve } from './convolve'
export { depthwise, depthwiseScratch, depthwiseWeight } from './depthwise'
export { fewDots, fewRows, fewScratch } from './few'
export { gather, scatterAdd } from './gather'
export { matmul, matmulScratch } from './matmul'
export { products, productsScratch } from './products'
export { maxPool, sumPool, sumPoolGrad } from './pool'
export { scanFloats, scanScratch, scanSigned, scanUnsigned } from './scan'
export { sort, sortScratch } from './sort'
export { spread, spreadScratch } from './spread'
export { addWeightParts, weightParts } from './weight-parts'
export { weightGradient, weightGradientScratch } from './weights'
export { winograd, winogradPack, winogradPacked, winogradScratch } from './winograd'
export { winogradWeights, winogradWeightsScratch } from './winograd-weights'
