import { ArgumentError } from '@nablajs/tensor'
import { type Collated, collate } from './collate.ts'
import type { Dataset } from './dataset.ts'
import { checkFlag, checkKeys, checkWhole } from './options.ts'
import { BatchOwner } from './ownership.ts'
import { RandomSampler, type Sampler, SequentialSampler } from './sampler.ts'

export interface DataLoaderOptions {
  /** Samples in a batch. Default 1. */
  batchSize?: number
  /** Whether to take the samples in a new random order in each epoch. Default false. */
  shuffle?: boolean
  /** Of the random order, in 0 .. 2³² - 1. Default: the seed of the default generator (see `manualSeed`). */
  seed?: number
  /** Whether to leave out the last batch when it is smaller than the others. Default false. */
  dropLast?: boolean
  /** Another order than `shuffle` gives. */
  sampler?: Sampler
}

/** Options with a way of its own to make a batch. */
export interface CollateOptions<Sample, Batch> extends DataLoaderOptions {
  /** Makes a batch of samples; used in place of the dataset's `batch` and of {@link collate}. */
  collate(samples: readonly Sample[]): Batch
}

const known = ['batchSize', 'shuffle', 'seed', 'dropLast', 'sampler', 'collate']

/** Where a loader stands: what `loadState` needs to go on at the same batch. Plain numbers, for JSON. */
export interface DataLoaderState {
  /** Epochs count from 0. */
  readonly epoch: number
  /** The batch of that epoch that comes next, from 0. */
  readonly batch: number
}

/**
 * Walks through a dataset in batches; each `for` loop over it is one epoch.
 *
 * The tensors of a batch live on the default device until the next batch is asked for or the loop
 * ends; `keep()` makes one outlive that. Datasets whose samples come as promises need `for await`,
 * all others take both loops.
 *
 * @example
 * ```ts
 * const loader = new DataLoader(digits('train'), { batchSize: 64, shuffle: true, seed: 1 })
 * for (let epoch = 0; epoch < 5; epoch++)
 *   for await (const { image, label } of loader)
 *     optimizer.step(() => crossEntropy(model.forward(image), label))
 * ```
 */
export class DataLoader<Sample, Batch = Collated<Sample>>
  implements Iterable<Batch>, AsyncIterable<Batch>
{
  readonly dataset: Dataset<Sample, unknown>
  readonly batchSize: number
  readonly dropLast: boolean
  readonly sampler: Sampler
  /** Makes a batch from sample numbers, where the dataset can. */
  readonly #whole: ((indices: readonly number[]) => Batch) | undefined
  /** Makes a batch from samples. */
  readonly #join: CollateOptions<Sample, Batch>['collate']
  #epoch = 0
  #batch = 0
  /** Whether the position is one to start from, and not one that an earlier loop left behind. */
  #fresh = true

  /** @throws ArgumentError for an unknown option or one out of range. */
  constructor(dataset: Dataset<Sample, unknown>, options: CollateOptions<Sample, Batch>)
  constructor(dataset: Dataset<Sample, Batch>, options?: DataLoaderOptions)
  constructor(
    dataset: Dataset<Sample, unknown>,
    options: DataLoaderOptions & Partial<CollateOptions<Sample, Batch>> = {},
  ) {
    checkKeys('DataLoader', options, known)
    const { batchSize = 1, shuffle = false, dropLast = false, seed, sampler } = options
    this.dataset = dataset
    this.batchSize = checkWhole('DataLoader: batchSize', batchSize, 1)
    this.dropLast = checkFlag('DataLoader: dropLast', dropLast)
    checkFlag('DataLoader: shuffle', shuffle)
    if (seed !== undefined) checkWhole('DataLoader: seed', seed)
    if (sampler && (shuffle || seed !== undefined))
      throw new ArgumentError(
        'DataLoader: a sampler came together with shuffle or seed; it decides the order alone',
      )
    this.sampler =
      sampler ??
      (shuffle
        ? new RandomSampler(dataset.length, seed === undefined ? {} : { seed })
        : new SequentialSampler(dataset.length))
    if (!options.collate && dataset.batch)
      this.#whole = (indices) => dataset.batch!(indices) as Batch
    // Without `collate`, Batch is what `batch` makes, or else Collated<Sample>.
    this.#join = options.collate ?? ((samples) => collate(samples) as Batch)
  }

  /** The number of batches in an epoch. */
  get length(): number {
    const batches = this.sampler.length / this.batchSize
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches)
  }

  /** The position after the batch handed out last. */
  get state(): DataLoaderState {
    return this.#batch >= this.length && this.#batch > 0
      ? { epoch: this.#epoch + 1, batch: 0 }
      : { epoch: this.#epoch, batch: this.#batch }
  }

  /**
   * Lets the next loop begin at a position: it runs through the rest of that epoch.
   *
   * @throws ArgumentError when the position cannot be one of this loader.
   */
  loadState(state: DataLoaderState): void {
    checkKeys('DataLoader.loadState', state, ['epoch', 'batch'])
    const epoch = checkWhole('DataLoader.loadState: epoch', state.epoch)
    const batch = checkWhole('DataLoader.loadState: batch', state.batch)
    if (batch > this.length)
      throw new ArgumentError(
        `DataLoader.loadState: batch is ${batch}, but an epoch has ${this.length} batches`,
      )
    this.#epoch = epoch
    this.#batch = batch
    this.#fresh = true
  }

  *[Symbol.iterator](): Generator<Batch, void, undefined> {
    const owner = new BatchOwner()
    try {
      for (const indices of this.#walk()) {
        owner.release()
        yield owner.make(() => {
          if (this.#whole) return this.#whole(indices)
          const samples = this.#samples(indices)
          if (!samples.some((sample) => sample instanceof Promise))
            return this.#join(samples as Sample[])
          throw new ArgumentError('DataLoader: the samples are promises; loop with `for await`')
        })
      }
    } finally {
      owner.release()
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, undefined> {
    const owner = new BatchOwner()
    try {
      for (const indices of this.#walk()) {
        owner.release()
        if (this.#whole) yield owner.make(() => this.#whole!(indices))
        else {
          // Not in a scope, which could not tell what a sample is still being made of.
          const samples = await Promise.all(this.#samples(indices))
          yield owner.make(() => this.#join(samples))
        }
      }
    } finally {
      owner.release()
    }
  }

  /** The sample numbers of the batches that remain of the epoch; moves the position along. */
  *#walk(): Generator<number[]> {
    const start = this.#fresh ? this.state : { epoch: this.#epoch + 1, batch: 0 }
    this.#fresh = false
    const order = Array.from(this.sampler.indices(start.epoch))
    this.#epoch = start.epoch
    this.#batch = start.batch
    for (let batch = start.batch; batch < this.length; batch++) {
      this.#epoch = start.epoch
      this.#batch = batch + 1
      yield order.slice(batch * this.batchSize, (batch + 1) * this.batchSize)
    }
  }

  #samples(indices: readonly number[]): (Sample | Promise<Sample>)[] {
    return indices.map((index) => this.dataset.get(index))
  }
}
