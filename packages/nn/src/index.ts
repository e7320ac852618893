/**
 * Modules, layers, losses and initialisation.
 *
 * @packageDocumentation
 */

export type { AffineOptions } from './affine.ts'
export {
  type AttentionMasks,
  type AttentionOptions,
  type AttentionResult,
  MultiheadAttention,
  type MultiheadAttentionOptions,
} from './attention/multihead.ts'
export { PositionalEncoding, type PositionalEncodingOptions } from './attention/positions.ts'
export {
  type ScaledDotProductOptions,
  scaledDotProductAttention,
} from './attention/scaled-dot-product.ts'
export {
  type DecoderMasks,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from './attention/transformer.ts'
export { type BatchNormOptions, batchNorm } from './batch-norm.ts'
export {
  type CosineSimilarityOptions,
  cosineSimilarity,
  type NormalizeOptions,
  normalize,
  type PairwiseDistanceOptions,
  pairwiseDistance,
} from './distances.ts'
export {
  type EmbeddingBagFunctionOptions,
  type EmbeddingFunctionOptions,
  embedding,
  embeddingBag,
} from './embedding.ts'
export { groupNorm } from './group-norm.ts'
export * as init from './init/index.ts'
export { type InstanceNormOptions, instanceNorm } from './instance-norm.ts'
export { layerNorm } from './layer-norm.ts'
export * from './layers/activation.ts'
export {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  type BatchNormLayerOptions,
} from './layers/batch-norm.ts'
export { Bilinear } from './layers/bilinear.ts'
export {
  ConvTranspose1d,
  type ConvTranspose1dLayerOptions,
  ConvTranspose2d,
  type ConvTranspose2dLayerOptions,
} from './layers/conv-transpose.ts'
export { Conv1d, type Conv1dLayerOptions } from './layers/conv1d.ts'
export { Conv2d, type Conv2dLayerOptions } from './layers/conv2d.ts'
export { Conv3d, type Conv3dLayerOptions } from './layers/conv3d.ts'
export { AlphaDropout, Dropout1d, Dropout2d, Dropout3d, DropPath } from './layers/drop.ts'
export { Dropout, type DropoutOptions } from './layers/dropout.ts'
export {
  Embedding,
  EmbeddingBag,
  type EmbeddingBagOptions,
  type EmbeddingOptions,
} from './layers/embedding.ts'
export type { FactoryOptions } from './layers/factory.ts'
export { Flatten, type FlattenOptions } from './layers/flatten.ts'
export type { Functional } from './layers/functional.ts'
export { GroupNorm, type GroupNormOptions } from './layers/group-norm.ts'
export { Identity } from './layers/identity.ts'
export {
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  type InstanceNormLayerOptions,
} from './layers/instance-norm.ts'
export { LayerNorm, type LayerNormOptions } from './layers/layer-norm.ts'
export { LayerScale } from './layers/layer-scale.ts'
export { Linear, type LinearOptions } from './layers/linear.ts'
export { PReLU, type PReLUOptions, RReLU } from './layers/parametric.ts'
export { AvgPool2d, MaxPool2d } from './layers/pool2d.ts'
export { RMSNorm, type RMSNormOptions } from './layers/rms-norm.ts'
export { Sequential } from './layers/sequential.ts'
export * from './layers/shapes.ts'
export {
  type SpectralNormalized,
  type SpectralNormalizeOptions,
  type SpectralNormOptions,
  spectralNorm,
  spectralNormalize,
} from './layers/spectral-norm.ts'
export { normalizeWeight, type WeightNormOptions, weightNorm } from './layers/weight-norm.ts'
export { type BCEWithLogitsOptions, bceWithLogits } from './losses/bce-with-logits.ts'
export {
  type BinaryCrossEntropyOptions,
  binaryCrossEntropy,
} from './losses/binary-cross-entropy.ts'
export { type CosineEmbeddingLossOptions, cosineEmbeddingLoss } from './losses/cosine-embedding.ts'
export {
  type CrossEntropyOptions,
  crossEntropy,
  type NLLLossOptions,
  nllLoss,
} from './losses/cross-entropy.ts'
export { type CtcLossOptions, ctcLoss, type Lengths } from './losses/ctc.ts'
export { type GaussianNllLossOptions, gaussianNllLoss } from './losses/gaussian-nll.ts'
export { type HingeEmbeddingLossOptions, hingeEmbeddingLoss } from './losses/hinge-embedding.ts'
export { type KlDivOptions, klDiv } from './losses/kl-div.ts'
export { l1Loss } from './losses/l1.ts'
export { logCoshLoss } from './losses/log-cosh.ts'
export { type MarginRankingLossOptions, marginRankingLoss } from './losses/margin-ranking.ts'
export { mseLoss } from './losses/mse.ts'
export { type MultiMarginLossOptions, multiMarginLoss } from './losses/multi-margin.ts'
export { multilabelMarginLoss } from './losses/multilabel-margin.ts'
export {
  type MultilabelSoftMarginLossOptions,
  multilabelSoftMarginLoss,
} from './losses/multilabel-soft-margin.ts'
export { type PoissonNllLossOptions, poissonNllLoss } from './losses/poisson-nll.ts'
export type { Reduction, ReductionOptions } from './losses/reduction.ts'
export {
  type HuberLossOptions,
  huberLoss,
  type SmoothL1LossOptions,
  smoothL1Loss,
} from './losses/smooth-l1.ts'
export { softMarginLoss } from './losses/soft-margin.ts'
export { type TripletMarginLossOptions, tripletMarginLoss } from './losses/triplet-margin.ts'
export { type ForwardHook, type ForwardPreHook, Module } from './module.ts'
export {
  type CellOptions,
  GRUCell,
  LSTMCell,
  RNNCell,
  type RNNCellOptions,
} from './recurrent/cells.ts'
export { GRU } from './recurrent/gru.ts'
export type { RecurrentOptions } from './recurrent/layer.ts'
export { LSTM, type LSTMOptions, type LSTMResult, type LSTMState } from './recurrent/lstm.ts'
export { type RecurrentResult, RNN, type RNNOptions } from './recurrent/rnn.ts'
export { type RmsNormOptions, rmsNorm } from './rms-norm.ts'
export { type BufferOptions, buffer, parameter } from './state.ts'
export { loadTorchStateDict, torchStateDict } from './torch.ts'
export {
  AnyModule,
  type LoadResult,
  type LoadStateDictOptions,
  type StateDict,
} from './tree.ts'
export { type FlowStatistics, type LayerFlow, type Watch, watch } from './watch.ts'
