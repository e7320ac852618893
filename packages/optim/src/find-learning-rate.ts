import { ArgumentError, assign, dispose, noGrad, type Tensor } from '@nablajs/tensor'
import { ExponentialAverage } from './exponential-average.ts'
import { refuseUnknown } from './known.ts'
import type { Optimizer } from './optimizer.ts'
import { demandReadable } from './readable.ts'

export interface FindLearningRateOptions {
  /** The first rate. Default 1e-7. */
  from?: number
  /** The last rate. Default 10. */
  to?: number
  /** How many steps. Default 100. */
  steps?: number
  /** β, how much the losses are smoothed, in [0, 1). Default 0.95. */
  smoothing?: number
  /** Stop when the loss is this many times the best one. Default 4. */
  divergence?: number
}

export interface LearningRates {
  /** The rates tried, rising geometrically. */
  readonly rates: readonly number[]
  /** The smoothed loss before the step with each rate. */
  readonly losses: readonly number[]
  /** The rate at which the loss fell fastest: a first guess for the largest rate of a schedule. */
  readonly steepest: number
}

/**
 * Learning rate range test: trains for a few steps while the rate grows, and looks where the loss falls
 * fastest. Parameters are put back afterwards; the optimizer's state is not, so give it one made for
 * this. Losses are read back from the device in each step.
 *
 * @example
 * ```ts
 * const { steepest } = findLearningRate(new SGD(model.parameters()), () => loss(nextBatch()))
 * ```
 *
 * Source: L. Smith, "Cyclical Learning Rates for Training Neural Networks", arXiv 1506.01186, 3.3.
 */
export function findLearningRate<Options extends { lr: number }>(
  optimizer: Optimizer<Options>,
  loss: () => Tensor,
  options: FindLearningRateOptions = {},
): LearningRates {
  refuseUnknown('findLearningRate', options, ['from', 'to', 'steps', 'smoothing', 'divergence'])
  const { from = 1e-7, to = 10, steps = 100, smoothing = 0.95, divergence = 4 } = options
  if (!(from > 0 && to > from))
    throw new ArgumentError(
      `findLearningRate: from is ${from} and to is ${to}; it must be 0 < from < to`,
    )
  if (!(Number.isInteger(steps) && steps > 1))
    throw new ArgumentError(`findLearningRate: steps is ${steps}; it must be a whole number > 1`)
  const parameters = optimizer.paramGroups.flatMap(({ params }) => params)
  demandReadable('findLearningRate', parameters)
  const before = noGrad(() => parameters.map((parameter) => parameter.detach().copy()))
  const given = optimizer.paramGroups.map(({ lr }) => lr)
  const average = new ExponentialAverage(smoothing)
  const rates: number[] = []
  const losses: number[] = []
  for (let i = 0; i < steps; i++) {
    const rate = from * (to / from) ** (i / (steps - 1))
    for (const group of optimizer.paramGroups) group.lr = rate
    const value = optimizer.step(loss)
    const smooth = average.update(value.itemSync())
    value.dispose()
    if (!(smooth <= divergence * Math.min(...losses, smooth))) break
    rates.push(rate)
    losses.push(smooth)
  }
  optimizer.paramGroups.forEach((group, i) => {
    group.lr = given[i]!
  })
  noGrad(() => {
    parameters.forEach((parameter, i) => {
      assign(parameter, before[i]!)
    })
  })
  dispose(before)
  // Rates are equally far apart in their logarithms.
  const slopes = losses.slice(1).map((value, i) => value - losses[i]!)
  const at = slopes.indexOf(Math.min(...slopes))
  return { rates, losses, steepest: rates[Math.max(0, at)] ?? from }
}
