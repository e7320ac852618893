/** Every optimizer that is exported, so that tests forget none. */
import type { Tensor } from '@nablajs/tensor'
import * as optim from '../src/index.ts'

export type OptimizerClass = new (
  params: Iterable<Tensor>,
  options?: object,
) => optim.Optimizer<Record<string, unknown>>

const isOptimizer = (value: unknown): boolean =>
  typeof value === 'function' && value.prototype instanceof optim.Optimizer

/** By name; `Chain` is what many of them are, and methods around others are no optimizers alone. */
export const every: Readonly<Record<string, OptimizerClass>> = Object.fromEntries(
  Object.entries(optim).filter(([name, value]) => isOptimizer(value) && name !== 'Chain'),
) as unknown as Record<string, OptimizerClass>
