import { ArgumentError, Generator, rand, scope, type Tensor } from '@nablajs/tensor'
import { refuseUnknown } from './known.ts'
import { demandReadable } from './readable.ts'
import { parametersOf, type Wrapped } from './wrapped.ts'

/**
 * How many samples a step looks at: all of them (`'full'`, batch gradient descent), one
 * (`'stochastic'`), or a number (mini-batches).
 */
export type Batch = 'full' | 'stochastic' | number

export interface DescendOptions {
  /** How many samples there are. */
  samples: number
  /** How many a step looks at. Default `'full'`. */
  batch?: Batch
  /** How often all samples are gone through. Default 1. */
  epochs?: number
  /** In a new order in each epoch. Default true, but for full batches. */
  shuffle?: boolean
  /** Of the orders, a whole number. Default 0. */
  seed?: number
  /** Called after each epoch, counted from 1, with the mean of its losses; ends the training with false. */
  onEpoch?: (epoch: number, loss: number) => unknown
}

/** The samples of each step of an epoch; the last batch may be smaller. */
function batchesOf(order: readonly number[], size: number): number[][] {
  return Array.from({ length: Math.ceil(order.length / size) }, (_, i) =>
    order.slice(i * size, (i + 1) * size),
  )
}

/**
 * A small training loop whose regime is one option: full-batch, mini-batch or stochastic gradient
 * descent with any optimizer. For data in memory and for comparing regimes; for files, augmentation
 * and workers take a data loader, and call `optimizer.step` yourself.
 *
 * A rule of thumb: up to about 2000 samples the full batch, else 64 to 512, a power of 2.
 *
 * @param loss The mean loss of the samples with these numbers.
 * @returns The mean loss of each epoch, over its samples, each before the step that it led to.
 * @throws ArgumentError when an option is out of range.
 * @example
 * ```ts
 * const losses = descend(optimizer, (chosen) => {
 *   const at = tensor(chosen, { dtype: 'i32' })
 *   return crossEntropy(model.forward(x.indexSelect(0, at)), y.indexSelect(0, at))
 * }, { samples: 20, batch: 4, epochs: 3 })
 * ```
 *
 * Source: H. Robbins and S. Monro, "A Stochastic Approximation Method" (1951).
 */
export function descend(
  optimizer: Wrapped,
  loss: (chosen: readonly number[]) => Tensor,
  options: DescendOptions,
): number[] {
  refuseUnknown('descend', options, ['samples', 'batch', 'epochs', 'shuffle', 'seed', 'onEpoch'])
  const { samples, batch = 'full', epochs = 1, shuffle = batch !== 'full', seed = 0 } = options
  const size = batch === 'full' ? samples : batch === 'stochastic' ? 1 : batch
  whole('samples', samples)
  whole('epochs', epochs)
  if (!(Number.isInteger(size) && size > 0 && size <= samples))
    throw new ArgumentError(
      `descend: batch is ${JSON.stringify(batch)}; it must be "full", "stochastic" or a whole number in [1, ${samples}]`,
    )
  demandReadable('descend', parametersOf(optimizer))
  const generator = new Generator(seed)
  const losses: number[] = []
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const order = Array.from({ length: samples }, (_, i) => i)
    if (shuffle) {
      const keys = scope(() => rand([samples], { generator }).dataSync())
      order.sort((a, b) => keys[a]! - keys[b]!)
    }
    let sum = 0
    for (const chosen of batchesOf(order, size)) {
      const value = optimizer.step(() => loss(chosen))
      sum += value.itemSync() * chosen.length
      value.dispose()
    }
    losses.push(sum / samples)
    if (options.onEpoch?.(epoch, sum / samples) === false) break
  }
  return losses
}

function whole(option: string, value: number): void {
  if (!(Number.isInteger(value) && value > 0))
    throw new ArgumentError(`descend: ${option} is ${value}; it must be a whole number > 0`)
}
