import { type Scalar, select } from '../program/scalar.ts'
import { type Binary, binary } from './elementwise.ts'

/** `xᵖ` whose gradients at 0 are 0 too, where they would be infinite. */
export const power = (x: Scalar, p: Scalar): Scalar => select(x.eq(0).and(p.gt(0)), 0, x.pow(p))

/** {@link power} of tensors, for roots. */
export const root: Binary = binary('root', {
  accepts: 'float',
  forward: (total, p) => power(total, p!),
})
