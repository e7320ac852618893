import {
  type Elementwise,
  elementwise,
  isHalf,
  type Operand,
  scope,
  type Tensor,
} from '@nablajs/tensor'
import { checkBroadcast, checkSame, floatType } from '../check.ts'
import { checkReduction, type ReductionOptions, reduceLosses } from './reduction.ts'

export interface BinaryCrossEntropyOptions extends ReductionOptions {
  /** Weights of the elements; broadcasts to the input. */
  weight?: Tensor
}

/** Logarithms end at -100, so that a wrong certainty costs 100 instead of infinity. */
const lossOf: Elementwise<[x: Tensor, target: Operand]> = elementwise('binaryCrossEntropy', {
  forward: (x, t) => {
    const yes = x!.log().max(-100)
    const no = x!.neg().log1p().max(-100)
    return t!.neg().mul(yes).sub(t!.neg().add(1).mul(no))
  },
  // The slope goes on where the loss is cut off: a network that is certain and wrong still learns.
  gradient: (g, _, [x, t]) => {
    const [p, q] = [x!, x!.neg().add(1)]
    return [
      // PyTorch keeps this limit in single precision.
      g.mul(p.sub(t!)).div(p.mul(q).max(Math.fround(1e-12))),
      g.mul(q.log().max(-100).sub(p.log().max(-100))),
    ]
  },
})

/**
 * The cross-entropy of independent yes-no decisions from their probabilities: the negative
 * log-likelihood of Bernoulli distributions, `-w (t log x + (1 - t) log(1 - x))`, with logarithms of
 * at least -100 as in PyTorch. `bceWithLogits` takes the logits and is exact where this one is not.
 *
 * @param input Probabilities of any shape, in [0, 1].
 * @param target Probabilities in [0, 1] (or bool) of the same shape.
 * @throws ShapeError when the shapes differ, or the weight does not broadcast to the input.
 * @example
 * ```ts
 * binaryCrossEntropy(tensor([0.8, 0.3]), tensor([1, 0]))   // 0.2899093
 * ```
 */
export function binaryCrossEntropy(
  input: Tensor,
  target: Tensor,
  options: BinaryCrossEntropyOptions = {},
): Tensor {
  if (isHalf(input.dtype)) return binaryCrossEntropy(input.cast('f32'), target, options)
  const reduction = checkReduction('binaryCrossEntropy', options.reduction)
  checkSame('binaryCrossEntropy', ['input', input], ['target', target])
  const dtype = floatType('binaryCrossEntropy', input)
  const { weight } = options
  if (weight) checkBroadcast('binaryCrossEntropy', 'weight', weight, input)
  return scope(() => {
    const losses = lossOf(input, target.cast(dtype))
    return reduceLosses(reduction, weight ? losses.mul(weight.cast(dtype)) : losses)
  })
}
