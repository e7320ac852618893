import { Chain, chain, type Recipe } from '../chain.ts'
import type { ParametersInput } from '../optimizer.ts'
import { type ClimbOptions, climb } from '../transforms/climb.ts'
import { type ScaleByRpropOptions, scaleByRprop } from '../transforms/scale-by-rprop.ts'

/** γ `lr` 1e-2, η `etas` [0.5, 1.2], `stepSizes` [1e-6, 50]. */
export interface RpropOptions extends ClimbOptions, ScaleByRpropOptions {}

const rprop: Recipe<RpropOptions> = chain('Rprop', [climb, scaleByRprop])

/**
 * Rprop: looks at signs alone. A step size of each element grows while the gradient keeps its sign and
 * shrinks when it changes. For full batches: the signs of noisy gradients tell little.
 *
 * ```text
 * s ← clamp(η⁺s) where g agrees in sign with its predecessor, clamp(η⁻s) where it disagrees
 * g ← 0 where it disagrees
 * p ← p - sign(g) s
 * ```
 *
 * with s starting at `lr`, η⁻ and η⁺ from `etas`, and clamp to `stepSizes`.
 *
 * @example
 * ```ts
 * const optimizer = new Rprop(model.parameters(), { lr: 0.01 })
 * ```
 *
 * Source: M. Riedmiller and H. Braun, "A direct adaptive method for faster backpropagation learning:
 * the RPROP algorithm", ICNN (1993).
 */
export class Rprop extends Chain<RpropOptions> {
  constructor(params: ParametersInput<RpropOptions>, options: Partial<RpropOptions> = {}) {
    super(params, rprop, options)
  }
}
