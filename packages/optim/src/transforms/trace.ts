import { nonNegative, oneOf } from '../ranges.ts'
import { type Transform, transform } from '../transform.ts'

export interface TraceOptions {
  /** μ, how much of the last velocity stays. Default 0 (no velocity is kept), for LARS 0.9. */
  momentum: number
  /** τ, how much is held back from the velocity (not on the first step). Default 0. */
  dampening: number
  /** Step along the velocity's look-ahead. Needs momentum > 0 and dampening 0. Default false. */
  nesterov: boolean
}

/**
 * A velocity that sums up updates and forgets them slowly.
 *
 * ```text
 * b ← μb + (1 - τ)u          (b ← u on the first step)
 * u ← b                      Nesterov: u ← u + μb
 * ```
 */
export const trace: Transform<TraceOptions> = transform({
  name: 'trace',
  defaults: { momentum: 0, dampening: 0, nesterov: false } as TraceOptions,
  ranges: [
    nonNegative('momentum'),
    {
      option: 'dampening',
      says: 'a finite number',
      holds: ({ dampening }) => Number.isFinite(dampening),
    },
    {
      option: 'nesterov',
      says: 'false unless momentum > 0 and dampening is 0',
      holds: ({ nesterov, momentum, dampening }) => !nesterov || (momentum > 0 && dampening === 0),
    },
  ],
  active: ({ momentum }) => momentum !== 0,
  structure: ({ nesterov }) => ({ nesterov }),
  slots: () => ({ momentum_buffer: 0 }),
  // The velocity starts as the whole first update.
  numbers: ({ momentum, dampening }, t) => ({ momentum, gain: t === 1 ? 1 : 1 - dampening }),
  update: (u, { momentum_buffer: last }, { momentum, gain }, { nesterov }) => {
    const velocity = last.mul(momentum).add(u.mul(gain))
    return { u: nesterov ? u.add(velocity.mul(momentum)) : velocity, momentum_buffer: velocity }
  },
})

export interface FormOptions extends TraceOptions {
  /** Which of the three momentums; see {@link SGD}. Default `'torch'`. */
  form: 'torch' | 'ema' | 'sutskever'
  /** For the form `'ema'`: divide by 1 - μᵗ, so that the first steps are not small. Default false. */
  biasCorrection: boolean
}

/**
 * A velocity that is a running average of the updates, for `form: 'ema'`.
 *
 * ```text
 * b ← μb + (1 - μ)u
 * u ← b                      Nesterov: u ← μb + (1 - μ)u
 * u ← u / (1 - μᵗ)           with biasCorrection
 * ```
 */
export const average: Transform<FormOptions> = transform({
  name: 'average',
  defaults: {
    momentum: 0,
    dampening: 0,
    nesterov: false,
    form: 'torch',
    biasCorrection: false,
  } as FormOptions,
  ranges: [
    oneOf('form', ['torch', 'ema', 'sutskever']),
    {
      option: 'momentum',
      says: 'in [0, 1) for the form "ema"',
      holds: ({ form, momentum }) => form !== 'ema' || momentum < 1,
    },
    {
      option: 'biasCorrection',
      says: 'false unless form is "ema"',
      holds: ({ form, biasCorrection }) => form === 'ema' || !biasCorrection,
    },
    {
      option: 'dampening',
      says: '0 unless form is "torch"',
      holds: ({ form, dampening }) => form === 'torch' || dampening === 0,
    },
  ],
  active: ({ form, momentum }) => form === 'ema' && momentum !== 0,
  structure: ({ nesterov }) => ({ nesterov }),
  slots: () => ({ momentum_buffer: 0 }),
  numbers: ({ momentum, biasCorrection }, t) => ({
    momentum,
    gain: 1 - momentum,
    correct: biasCorrection ? 1 / (1 - momentum ** t) : 1,
  }),
  update: (u, { momentum_buffer: last }, { momentum, gain, correct }, { nesterov }) => {
    const velocity = last.mul(momentum).add(u.mul(gain))
    const ahead = nesterov ? velocity.mul(momentum).add(u.mul(gain)) : velocity
    return { u: ahead.mul(correct), momentum_buffer: velocity }
  },
})
