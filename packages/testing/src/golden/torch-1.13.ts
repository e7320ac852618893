/**
 * Where PyTorch 1.13 computes other numbers than its successors, whose rules the library follows:
 * small numbers are kept in float32, and NAdam counts μₜ twice in the product up to t + 1.
 */
import {
  type About,
  type AverageIteratesOptions,
  addDecayedWeights,
  averageIterates,
  Chain,
  chain,
  type Link,
  type Optimizer,
  type ScaleByNadamOptions,
  scaleByLearningRate,
  scaleByNadam,
} from '@nablajs/optim'
import type { Tensor } from '@nablajs/tensor'

type Memory = Record<string, number>

function round(memory: Memory): Memory {
  for (const key of Object.keys(memory)) memory[key] = Math.fround(memory[key]!)
  return memory
}

const asgd: Link = {
  ...averageIterates,
  memory: (options: AverageIteratesOptions) => round(averageIterates.memory(options)),
  numbers(options: AverageIteratesOptions, t: number, memory: Memory, about: About) {
    const numbers = averageIterates.numbers(options, t, memory, about)
    round(memory)
    return numbers
  },
}

const nadam: Link = {
  ...scaleByNadam,
  numbers(options: ScaleByNadamOptions, t: number, memory: Memory, about: About) {
    const last = memory['mu_product']!
    const numbers = scaleByNadam.numbers(options, t, memory, about)
    const mu = (step: number): number =>
      options.betas[0] * (1 - 0.5 * 0.96 ** (step * options.momentumDecay))
    const product = Math.fround(last * Math.fround(mu(t)))
    memory['mu_product'] = product
    return {
      ...numbers,
      ofGradient: (1 - mu(t)) / (1 - product),
      ofAverage: mu(t + 1) / (1 - product * mu(t) * mu(t + 1)),
    }
  },
}

/** The optimizers that differ, as PyTorch 1.13 has them. */
export const torch113: Readonly<
  Record<string, (params: readonly Tensor[], options: object) => Optimizer>
> = {
  ASGD: (params, options) =>
    new Chain(params, chain('ASGD', [addDecayedWeights, asgd]), options) as unknown as Optimizer,
  NAdam: (params, options) =>
    new Chain(
      params,
      chain('NAdam', [addDecayedWeights, nadam, scaleByLearningRate]),
      options,
    ) as unknown as Optimizer,
}
