/**
 * Datasets, samplers and the loader.
 *
 * @packageDocumentation
 */
export { ArrayDataset, type Column } from './array-dataset.ts'
export { cifar10Classes, parseCifar10 } from './cifar10.ts'
export { type Collated, collate } from './collate.ts'
export type { Dataset, HostArray } from './dataset.ts'
export { digits, type ImageDataset, type Split } from './digits/digits.ts'
export { type IdxArray, type IdxData, parseIdx } from './idx.ts'
export {
  type CollateOptions,
  DataLoader,
  type DataLoaderOptions,
  type DataLoaderState,
} from './loader.ts'
export {
  RandomSampler,
  type RandomSamplerOptions,
  type Sampler,
  SequentialSampler,
} from './sampler.ts'
export { TensorDataset } from './tensor-dataset.ts'
