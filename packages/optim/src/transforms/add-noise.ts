import type { FloatDType } from '@nablajs/tensor'
import { gaussian, randomWords, type Scalar } from '@nablajs/tensor/program'
import { nonNegative } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface AddNoiseOptions {
  /** η, the variance at the first update. Default 0.01. */
  eta: number
  /** γ, the power by which the variance falls. Default 0.55. */
  gamma: number
  /** Of the noise, a whole number. Default 0. */
  seed: number
}

/** Spreads the numbers of steps over all words, so that steps and parameters do not meet. */
const GOLDEN = 0x9e3779b1

/** A word from halves, which every float type from f32 on holds exactly. */
const word = (high: Scalar, low: Scalar): Scalar => high.cast('u32').shl(16).add(low.cast('u32'))

/**
 * Adds Gaussian noise that fades: helps very deep networks out of bad starting points.
 *
 * ```text
 * u ← u + √(η/tᵞ) z,   z ~ N(0, 1)
 * ```
 *
 * with η = `eta`, γ = `gamma` and t = 1, 2, ... Noise needs no memory: it is a function of `seed`, t,
 * the parameter's number and the element, on every device the same up to rounding.
 *
 * Source: A. Neelakantan et al., "Adding Gradient Noise Improves Learning for Very Deep Networks",
 * arXiv 1511.06807.
 */
export const addNoise: Transform<AddNoiseOptions> = transform({
  name: 'addNoise',
  defaults: { eta: 0.01, gamma: 0.55, seed: 0 } as AddNoiseOptions,
  ranges: [
    nonNegative('eta'),
    nonNegative('gamma'),
    {
      option: 'seed',
      says: 'a whole number in 0 .. 4294967295',
      holds: ({ seed }) => Number.isInteger(seed) && seed >= 0 && seed <= 0xffffffff,
    },
  ],
  active: ({ eta }) => eta !== 0,
  numbers: ({ eta, gamma, seed }, t, _, { number }) => {
    const stream = (Math.imul(t, GOLDEN) + number) >>> 0
    return {
      deviation: Math.sqrt(eta / t ** gamma),
      seedHigh: seed >>> 16,
      seedLow: seed & 0xffff,
      streamHigh: stream >>> 16,
      streamLow: stream & 0xffff,
    }
  },
  update: (u, _, n) => {
    const words = randomWords(word(n.seedHigh, n.seedLow), word(n.streamHigh, n.streamLow))
    // Programs of optimizers are of the parameter's dtype, which is one of these.
    const noise = gaussian(words[0], words[1], u.dtype as FloatDType)
    return { u: u.add(noise.mul(n.deviation)) }
  },
})
