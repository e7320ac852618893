import type { Tensor } from '@nablajs/tensor'
import type { Scalar } from '@nablajs/tensor/program'
import { checkBroadcast } from '../check.ts'
import { memoize } from '../memoize.ts'
import { elementLoss } from './element-loss.ts'
import type { ReductionOptions } from './reduction.ts'

export interface BCEWithLogitsOptions extends ReductionOptions {
  /** Weights of the elements; broadcasts to the input. */
  weight?: Tensor
  /** Weights of the positive class, for example negatives / positives; broadcasts to the input. */
  posWeight?: Tensor
}

/** `log(1 + e⁻ˣ)`, finite for every finite x. */
const softplusNeg = (x: Scalar): Scalar => x.neg().max(0).add(x.abs().neg().exp().log1p())

const lossFor = memoize(({ weighted, positive }: { weighted: boolean; positive: boolean }) =>
  elementLoss('bceWithLogits', (input, target, ...weights) => {
    const [x, t] = [input!, target!]
    const yes = positive ? t.mul(weights.at(-1)!) : t
    const no = t.neg().add(1)
    // -t log p = t softplus(-x), -(1 - t) log(1 - p) = (1 - t)(x + softplus(-x))
    const loss = no.mul(x).add(yes.add(no).mul(softplusNeg(x)))
    return weighted ? loss.mul(weights[0]!) : loss
  }),
)

/**
 * The cross-entropy of independent yes-no decisions: the negative log-likelihood of Bernoulli
 * distributions with probabilities `p = sigmoid(input)`,
 * `-w (posWeight · t log p + (1 - t) log(1 - p))`, computed from the logits without overflow.
 *
 * @param input Logits of any shape.
 * @param target Probabilities in [0, 1] (or bool, or 0 and 1) of the same shape.
 * @throws ShapeError when the shapes differ, or a weight does not broadcast to the input.
 * @example
 * ```ts
 * bceWithLogits(tensor([2, -1]), tensor([1, 0]))   // 0.2200948
 * ```
 */
export function bceWithLogits(
  input: Tensor,
  target: Tensor,
  options: BCEWithLogitsOptions = {},
): Tensor {
  const { weight, posWeight, reduction } = options
  const extra = [weight, posWeight].filter((t) => t !== undefined)
  for (const t of extra) checkBroadcast('bceWithLogits', 'a weight', t, input)
  const loss = lossFor({ weighted: weight !== undefined, positive: posWeight !== undefined })
  return loss(input, target, { reduction, extra })
}
