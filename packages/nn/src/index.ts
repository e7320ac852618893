/**
 * Modules, layers, losses and initialisation.
 *
 * @packageDocumentation
 */
export { type BatchNormOptions, batchNorm } from './batch-norm.ts'
export * as init from './init/index.ts'
export * from './layers/activation.ts'
export { BatchNorm1d, BatchNorm2d, type BatchNormLayerOptions } from './layers/batch-norm.ts'
export { Conv2d, type Conv2dLayerOptions } from './layers/conv2d.ts'
export { Dropout, type DropoutOptions } from './layers/dropout.ts'
export type { FactoryOptions } from './layers/factory.ts'
export { Flatten, type FlattenOptions } from './layers/flatten.ts'
export { Identity } from './layers/identity.ts'
export { Linear, type LinearOptions } from './layers/linear.ts'
export { AvgPool2d, MaxPool2d } from './layers/pool2d.ts'
export { Sequential } from './layers/sequential.ts'
export { type BCEWithLogitsOptions, bceWithLogits } from './losses/bce-with-logits.ts'
export {
  type CrossEntropyOptions,
  crossEntropy,
  type NLLLossOptions,
  nllLoss,
} from './losses/cross-entropy.ts'
export { l1Loss } from './losses/l1.ts'
export { mseLoss } from './losses/mse.ts'
export type { Reduction, ReductionOptions } from './losses/reduction.ts'
export {
  type HuberLossOptions,
  huberLoss,
  type SmoothL1LossOptions,
  smoothL1Loss,
} from './losses/smooth-l1.ts'
export { type ForwardHook, type ForwardPreHook, Module } from './module.ts'
export { type BufferOptions, buffer, parameter } from './state.ts'
export { loadTorchStateDict, torchStateDict } from './torch.ts'
export {
  AnyModule,
  type LoadResult,
  type LoadStateDictOptions,
  type StateDict,
} from './tree.ts'
