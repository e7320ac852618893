/**
 * Optimizers and learning-rate schedules. Most optimizers are chains of transforms, which run as one
 * kernel for each parameter.
 *
 * @packageDocumentation
 */
export { accumulate } from './accumulate.ts'
export {
  ArrayOptimizer,
  type ArrayOptimizerOptions,
  type NumberArray,
  type Stepping,
} from './array-optimizer.ts'
export {
  AveragedParameters,
  type AveragedParametersOptions,
  type AveragedParametersState,
} from './averaged-parameters.ts'
export { centralizeGradients } from './centralize-gradients.ts'
export { Chain, chain, type OptionsOf, type Recipe } from './chain.ts'
export {
  assertGradientsAreFinite,
  type ClipGradNormOptions,
  clipGradNorm,
  clipGradValue,
  getTotalNorm,
  gradientsAreFinite,
  gradientsAreFiniteAsync,
} from './clip-grad.ts'
export { type Batch, type DescendOptions, descend } from './descend.ts'
export { ExponentialAverage } from './exponential-average.ts'
export {
  type FindLearningRateOptions,
  findLearningRate,
  type LearningRates,
} from './find-learning-rate.ts'
export { GradScaler, type GradScalerOptions, type GradScalerState } from './grad-scaler.ts'
export { type LayerDecayOptions, layerDecayGroups, weightDecayGroups } from './groups.ts'
export { Lookahead, type LookaheadOptions, type LookaheadState } from './lookahead.ts'
export {
  type GroupInput,
  type NamedOrBare,
  Optimizer,
  type ParameterGroup,
  type ParameterState,
  type ParametersInput,
  type StepHook,
  type StepPreHook,
  type Work,
} from './optimizer.ts'
export { AdaBelief, type AdaBeliefOptions } from './optimizers/adabelief.ts'
export { Adadelta, type AdadeltaOptions } from './optimizers/adadelta.ts'
export { Adafactor, type AdafactorOptions } from './optimizers/adafactor.ts'
export { Adagrad, type AdagradOptions } from './optimizers/adagrad.ts'
export { Adam, type AdamOptions } from './optimizers/adam.ts'
export { Adamax, type AdamaxOptions } from './optimizers/adamax.ts'
export { AdamP, type AdamPOptions } from './optimizers/adamp.ts'
export { AdamW, type AdamWOptions } from './optimizers/adamw.ts'
export { Adan, type AdanOptions } from './optimizers/adan.ts'
export { AdEMAMix, type AdEMAMixOptions } from './optimizers/ademamix.ts'
export { ASGD, type ASGDOptions } from './optimizers/asgd.ts'
export { CMAES, type CMAESOptions } from './optimizers/cma-es.ts'
export { LAMB, type LAMBOptions } from './optimizers/lamb.ts'
export { LARS, type LARSOptions } from './optimizers/lars.ts'
export { LBFGS, type LBFGSOptions } from './optimizers/lbfgs.ts'
export { Lion, type LionOptions } from './optimizers/lion.ts'
export { MADGRAD, type MADGRADOptions } from './optimizers/madgrad.ts'
export { Muon, type MuonOptions } from './optimizers/muon.ts'
export { NAdam, type NAdamOptions } from './optimizers/nadam.ts'
export { NelderMead, type NelderMeadOptions } from './optimizers/nelder-mead.ts'
export { NewtonCG, type NewtonCGOptions } from './optimizers/newton-cg.ts'
export { NovoGrad, type NovoGradOptions } from './optimizers/novograd.ts'
export { Prodigy, type ProdigyOptions } from './optimizers/prodigy.ts'
export { RAdam, type RAdamOptions } from './optimizers/radam.ts'
export { RMSprop, type RMSpropOptions } from './optimizers/rmsprop.ts'
export { Rprop, type RpropOptions } from './optimizers/rprop.ts'
export {
  ScheduleFreeAdamW,
  type ScheduleFreeAdamWOptions,
  ScheduleFreeSGD,
  type ScheduleFreeSGDOptions,
} from './optimizers/schedule-free.ts'
export { SGD, type SGDOptions } from './optimizers/sgd.ts'
export { SOAP, type SOAPOptions } from './optimizers/soap.ts'
export { Sophia, type SophiaOptions } from './optimizers/sophia.ts'
export { SPSA, type SPSAOptions } from './optimizers/spsa.ts'
export { Yogi, type YogiOptions } from './optimizers/yogi.ts'
export { Partition, type PartMaker } from './partition.ts'
export { SAM, type SAMOptions } from './sam.ts'
export * from './schedules/index.ts'
export {
  type AscentSharpnessOptions,
  ascentSharpness,
  type TopEigenvalue,
  type TopEigenvalueOptions,
  topEigenvalue,
} from './sharpness.ts'
export type { OptimizerState, StateValue } from './state.ts'
export {
  type About,
  type Declaration,
  type Initial,
  type Link,
  masked,
  type Range,
  type Transform,
  transform,
  when,
} from './transform.ts'
export * from './transforms/index.ts'
export type { Wrapped } from './wrapped.ts'
