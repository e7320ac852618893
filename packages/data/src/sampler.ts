import { defaultGenerator } from '@nablajs/tensor'
import { checkKeys, checkWhole } from './options.ts'
import { permutation } from './permutation.ts'

/**
 * The order in which a loader walks through a dataset. It is a pure function of the epoch's number,
 * which is what lets a run resume in the middle of an epoch.
 */
export interface Sampler {
  /** How many samples an epoch has. */
  readonly length: number
  /** Their numbers, in order. Epochs count from 0. */
  indices(epoch: number): ArrayLike<number>
}

/** The samples in their own order, the same in every epoch. */
export class SequentialSampler implements Sampler {
  readonly length: number

  constructor(length: number) {
    this.length = checkWhole('SequentialSampler: length', length)
  }

  indices(): Uint32Array {
    return Uint32Array.from({ length: this.length }, (_, i) => i)
  }
}

export interface RandomSamplerOptions {
  /** A whole number in 0 .. 2³² - 1. Default: the seed of the default generator (see `manualSeed`). */
  seed?: number
}

/**
 * Every sample once, in a new random order in each epoch. The order follows from the seed, the
 * epoch's number and the length alone, on every machine.
 */
export class RandomSampler implements Sampler {
  readonly length: number
  readonly seed: number

  constructor(length: number, options: RandomSamplerOptions = {}) {
    checkKeys('RandomSampler', options, ['seed'])
    const { seed = defaultGenerator().state.seed } = options
    this.length = checkWhole('RandomSampler: length', length)
    this.seed = checkWhole('RandomSampler: seed', seed)
  }

  indices(epoch: number): Uint32Array {
    return permutation(this.length, this.seed, epoch)
  }
}
