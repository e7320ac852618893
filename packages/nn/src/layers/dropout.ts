import {
  ArgumentError,
  defaultGenerator,
  dropout,
  type Generator,
  type Tensor,
} from '@nablajs/tensor'
import { Module } from '../module.ts'

export interface DropoutOptions {
  /** What draws the masks. Default: the shared one (see `manualSeed`). */
  generator?: Generator
}

/**
 * During training, zeroes each element with probability `p` and multiplies the others by
 * `1 / (1 - p)`, so that the expectation stays; during evaluation it does nothing.
 *
 * `p` is the probability to *drop*; a text that speaks of `keep_prob` means `1 - p`. The mask is
 * drawn again for the gradient instead of being stored.
 *
 * Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov: "Dropout: A Simple Way to Prevent Neural
 * Networks from Overfitting", JMLR 2014.
 *
 * @example
 * ```ts
 * const net = new Sequential(new Linear(64, 32), new ReLU(), new Dropout(0.2), new Linear(32, 10))
 * net.eval()   // without dropping
 * ```
 */
export class Dropout extends Module {
  readonly p: number
  readonly #generator: Generator

  /** @param p In [0, 1]. Default 0.5. */
  constructor(p = 0.5, options: DropoutOptions = {}) {
    super()
    if (!(p >= 0 && p <= 1)) throw new ArgumentError(`Dropout: p is ${p}; it must be in 0 .. 1`)
    this.p = p
    this.#generator = options.generator ?? defaultGenerator()
  }

  forward(x: Tensor): Tensor {
    return this.training ? dropout(x, this.p, this.#generator) : x
  }

  override extraRepr(): string {
    return `p=${this.p}`
  }
}
