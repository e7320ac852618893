/**
 * Optimizers: each is a scalar program that runs as one kernel for each parameter.
 *
 * @packageDocumentation
 */
export { Adam, type AdamOptions } from './adam.ts'
export { AdamW } from './adamw.ts'
export {
  type GroupInput,
  type NamedOrBare,
  Optimizer,
  type OptimizerState,
  type ParameterGroup,
  type ParametersInput,
} from './optimizer.ts'
export type { CommonOptions, Range, Rule } from './rule.ts'
export { SGD, type SGDOptions } from './sgd.ts'
