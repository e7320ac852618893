import { constant, type Scalar, select } from '@nablajs/tensor/program'
import { type Transform, transform } from '../transform.ts'
import { type ClimbOptions, climb } from './climb.ts'

export interface CautiousOptions extends ClimbOptions {
  /** Move only where step and gradient agree. Default true, for AdamW and Lion false. */
  cautious: boolean
}

/** Signs are compared, for the product of small numbers may be 0. */
const agree = (u: Scalar, g: Scalar, maximize: boolean): Scalar => {
  const product = u.sign().mul(g.sign())
  return maximize ? product.lt(0) : product.gt(0)
}

/** At least this share of a parameter counts as agreeing, so that few elements do not leap. */
const LEAST = 1e-3

/**
 * Leaves out the elements of a step that go against the gradient at hand, and makes the others larger
 * by as much as is missing. One reduction more for each parameter. Put it after momentum and scaling
 * and before weight decay.
 *
 * ```text
 * φ = 1 where ug > 0, else 0
 * u ← uφ / max(mean(φ), 10⁻³)
 * ```
 *
 * Source: K. Liang et al., "Cautious Optimizers: Improving Training with One Line of Code", arXiv
 * 2411.16085, with the mean and its bound as in the authors' program.
 */
export const cautious: Transform<CautiousOptions> = transform({
  name: 'cautious',
  defaults: { ...climb.defaults, cautious: true } as CautiousOptions,
  active: ({ cautious: on }) => on,
  structure: ({ maximize }) => ({ maximize }),
  numbers: (_options, _t, _memory, { shape }) => ({
    share: 1 / shape.reduce((product, size) => product * size, 1),
  }),
  sums: (u, { g }, _, { maximize }) => ({
    agreeing: select(agree(u, g, maximize), constant(1, u.dtype), constant(0, u.dtype)),
  }),
  update: (u, { g }, { agreeing, share }, { maximize }) => {
    const larger = u.div(agreeing.mul(share).max(LEAST))
    return { u: select(agree(u, g, maximize), larger, constant(0, u.dtype)) }
  },
})
