import { ShapeError, showShape, type Tensor } from '@nablajs/tensor'
import type { Scalar } from '@nablajs/tensor/program'
import { elementLoss, type ReductionOptions } from './reduction.ts'

export interface BCEWithLogitsOptions extends ReductionOptions {
  /** Weights of the elements; broadcasts to the input. */
  weight?: Tensor
  /** Weights of the positive class, for example negatives / positives; broadcasts to the input. */
  posWeight?: Tensor
}

/** `log(1 + e⁻ˣ)`, finite for every finite x. */
const softplusNeg = (x: Scalar): Scalar => x.neg().max(0).add(x.abs().neg().exp().log1p())

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
  for (const t of extra) checkBroadcast(t, input)
  const of = (x: Scalar, t: Scalar, ...weights: Scalar[]): Scalar => {
    const positive = posWeight ? t.mul(weights.at(-1)!) : t
    // -t log p = t softplus(-x), -(1 - t) log(1 - p) = (1 - t)(x + softplus(-x))
    const rest = t.neg().add(1)
    const loss = rest.mul(x).add(positive.add(rest).mul(softplusNeg(x)))
    return weight ? loss.mul(weights[0]!) : loss
  }
  return elementLoss({ name: 'bceWithLogits', of }, input, target, reduction, [], extra)
}

function checkBroadcast(t: Tensor, input: Tensor): void {
  const lead = input.rank - t.rank
  if (lead < 0 || t.shape.some((size, axis) => size !== 1 && size !== input.shape[axis + lead]))
    throw new ShapeError(
      `bceWithLogits: a weight is ${showShape(t.shape)}; it must broadcast to the input ${showShape(input.shape)}`,
    )
}
