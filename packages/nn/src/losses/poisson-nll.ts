import { ArgumentError, type Tensor } from '@nablajs/tensor'
import { type Scalar, select } from '@nablajs/tensor/program'
import { memoize } from '../memoize.ts'
import { elementLoss } from './element-loss.ts'
import type { ReductionOptions } from './reduction.ts'

export interface PoissonNllLossOptions extends ReductionOptions {
  /** Whether the input is the logarithm of the rate, or the rate itself. Default true. */
  logInput?: boolean
  /** Whether to add Stirling's approximation of `log t!` for targets above 1. Default false. */
  full?: boolean
  /** Keeps the logarithm of a rate of 0 finite. Default 1e-8. */
  eps?: number
}

/** `t log t - t + log(2πt) / 2`, nearly log t!. */
const stirling = (t: Scalar): Scalar =>
  select(
    t.gt(1),
    t
      .mul(t.log())
      .sub(t)
      .add(
        t
          .mul(2 * Math.PI)
          .log()
          .mul(0.5),
      ),
    0,
  )

const lossFor = memoize(({ logInput, full }: { logInput: boolean; full: boolean }) =>
  elementLoss('poissonNllLoss', (x, t, eps) => {
    const loss = logInput ? x!.exp().sub(t!.mul(x!)) : x!.sub(t!.mul(x!.add(eps!).log()))
    return full ? loss.add(stirling(t!)) : loss
  }),
)

/**
 * The negative log-likelihood of counts under Poisson distributions with rates λ, up to the constant
 * `log t!`: `λ - t log λ`, where the input is `log λ`, or λ itself (then `log(λ + eps)`).
 *
 * @param input Logarithms of rates (or rates) of any shape.
 * @param target Counts of the same shape.
 * @throws ShapeError when the shapes differ.
 * @example
 * ```ts
 * poissonNllLoss(tensor([0.5]), tensor([2]))   // e^0.5 - 2 · 0.5 = 0.6487213
 * ```
 */
export function poissonNllLoss(
  input: Tensor,
  target: Tensor,
  options: PoissonNllLossOptions = {},
): Tensor {
  const { logInput = true, full = false, eps = 1e-8, reduction } = options
  if (!(eps >= 0)) throw new ArgumentError(`poissonNllLoss: eps is ${eps}; it must be >= 0`)
  return lossFor({ logInput, full })(input, target, { reduction, settings: [eps] })
}
