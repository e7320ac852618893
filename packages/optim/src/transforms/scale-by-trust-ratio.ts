import { select } from '@nablajs/tensor/program'
import { type Transform, transform } from '../transform.ts'

/**
 * `u ← u ‖p‖/‖u‖`, with norms over the whole parameter: each layer moves by the same share of its size.
 * Where either norm is 0, u stays. Two reductions more for each parameter.
 */
export const scaleByTrustRatio: Transform<object> = transform({
  name: 'scaleByTrustRatio',
  defaults: {},
  sums: (u, { p }) => ({ weights: p.mul(p), steps: u.mul(u) }),
  update: (u, _, { weights, steps }) => {
    const usable = weights.gt(0).and(steps.gt(0))
    return { u: u.mul(select(usable, weights.div(steps).sqrt(), 1)) }
  },
})
