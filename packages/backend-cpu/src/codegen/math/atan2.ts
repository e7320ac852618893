import { type Scalar, select } from '@nablajs/tensor/backend'
import { polynomial, withSignOf } from './parts.ts'

/** pi in two f32 parts. */
const pi = { high: 3.14159274, low: -8.74227766e-8 }

/**
 * The arctangent of the smaller over the larger coordinate, then the octant. Signs of zeros count,
 * as in C: `atan2(0, -0)` is pi. Measured error: 1.52 units in the last place.
 */
export function atan2(y: Scalar, x: Scalar): Scalar {
  const [ax, ay] = [x.abs(), y.abs()]
  const steep = ax.lt(ay)
  const small = select(steep, ax, ay)
  const large = select(steep, ay, ax)
  // Equal coordinates are told apart: 0/0 counts as 0, inf/inf as 1.
  const ratio = select(small.eq(large), large.ne(0).cast('f32'), small.div(large))
  const z = ratio.mul(ratio)
  const p = polynomial(
    z,
    [
      -0.333332986, 0.199985296, -0.142640159, 0.109508805, -0.0839930624, 0.0578813814,
      -0.0310969613, 0.0108686602, -0.00178281229,
    ],
  )
  const first = ratio.mul(z).mul(p).add(ratio)
  const upper = select(
    steep,
    first
      .neg()
      .add(pi.high / 2)
      .add(pi.low / 2),
    first,
  )
  const full = select(x.bitcast('i32').lt(0), upper.neg().add(pi.high).add(pi.low), upper)
  return withSignOf(y, full)
}
