import { type Transform, transform } from '../transform.ts'

/**
 * `u ← sign(u)`, 0 where u is 0. After {@link trace} or {@link ema} this is Signum.
 *
 * Source: J. Bernstein et al., "signSGD: Compressed Optimisation for Non-Convex Problems", arXiv
 * 1802.04434.
 */
export const scaleBySign: Transform<object> = transform({
  name: 'scaleBySign',
  defaults: {},
  update: (u) => ({ u: u.sign() }),
})
