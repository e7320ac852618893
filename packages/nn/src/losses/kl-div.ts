import { scope, type Tensor } from '@nablajs/tensor'
import { select } from '@nablajs/tensor/program'
import { elementLoss } from './element-loss.ts'
import type { Reduction } from './reduction.ts'

export interface KlDivOptions {
  /**
   * `'batchmean'` divides the sum by the size of the first axis, which is the divergence itself;
   * `'mean'` divides by the number of elements, as PyTorch does. Default `'mean'`.
   */
  reduction?: Reduction | 'batchmean'
  /** Whether the target holds logarithms too. Default false. */
  logTarget?: boolean
}

const plain = elementLoss('klDiv', (input, target) =>
  select(target!.eq(0), 0, target!.mul(target!.log().sub(input!))),
)

const logarithmic = elementLoss('klDiv', (input, target) => target!.exp().mul(target!.sub(input!)))

/**
 * The terms `t (log t - input)` of the Kullback-Leibler divergence from a distribution, given by its
 * log-probabilities, to the target distribution t. What is 0 in the target counts 0.
 *
 * @param input Log-probabilities of any shape (not probabilities).
 * @param target Probabilities of the same shape, or with `logTarget` their logarithms.
 * @throws ShapeError when the shapes differ.
 * @example
 * ```ts
 * klDiv(logits.logSoftmax(), teacher.softmax(), { reduction: 'batchmean' })
 * ```
 */
export function klDiv(input: Tensor, target: Tensor, options: KlDivOptions = {}): Tensor {
  const { reduction, logTarget = false } = options
  const loss = logTarget ? logarithmic : plain
  if (reduction !== 'batchmean') return loss(input, target, { reduction })
  return scope(() => loss(input, target, { reduction: 'sum' }).mul(1 / (input.shape[0] ?? 1)))
}
