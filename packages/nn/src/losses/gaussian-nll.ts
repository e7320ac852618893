import {
  ArgumentError,
  type Elementwise,
  elementwise,
  isHalf,
  ShapeError,
  scope,
  showShape,
  type Tensor,
} from '@nablajs/tensor'
import { checkSame, floatType } from '../check.ts'
import { checkReduction, type ReductionOptions, reduceLosses } from './reduction.ts'

export interface GaussianNllLossOptions extends ReductionOptions {
  /** Whether to add the constant `log(2π) / 2`. Default false. */
  full?: boolean
  /** The least variance that is used. Default 1e-6. */
  eps?: number
}

const lossOf: Elementwise<
  [input: Tensor, target: Tensor, variance: Tensor, eps: number, constant: number]
> = elementwise('gaussianNllLoss', {
  forward: (x, t, variance, eps, constant) => {
    const spread = variance!.max(eps!)
    const error = x!.sub(t!)
    return spread.log().add(error.mul(error).div(spread)).mul(0.5).add(constant!)
  },
  // A variance below eps keeps the slope that it would have at eps, or it could never come back.
  gradient: (g, _, [x, t, variance, eps]) => {
    const spread = variance!.max(eps!)
    const error = x!.sub(t!)
    const pull = g.mul(error.div(spread))
    const share = error.mul(error).div(spread).neg().add(1)
    return [pull, pull.neg(), g.mul(share.div(spread).mul(0.5))]
  },
})

/**
 * The negative log-likelihood of normal distributions of which the variance is predicted too:
 * `(log v + (input - target)² / v) / 2` with `v = max(variance, eps)`. With equal variances it is
 * `mseLoss` up to constants. Nix & Weigend: "Estimating the mean and variance of the target
 * probability distribution", ICNN 1994.
 *
 * @param input Means of any shape.
 * @param variance Variances: of the input's shape, without its last axis, or with 1 there.
 * @throws ShapeError when the shapes do not fit.
 * @example
 * ```ts
 * gaussianNllLoss(tensor([1, 2]), tensor([1.5, 1]), tensor([0.5, 2]))   // 0.25
 * ```
 */
export function gaussianNllLoss(
  input: Tensor,
  target: Tensor,
  variance: Tensor,
  options: GaussianNllLossOptions = {},
): Tensor {
  if (isHalf(input.dtype)) return gaussianNllLoss(input.cast('f32'), target, variance, options)
  const { full = false, eps = 1e-6 } = options
  const reduction = checkReduction('gaussianNllLoss', options.reduction)
  checkSame('gaussianNllLoss', ['input', input], ['target', target])
  const dtype = floatType('gaussianNllLoss', input)
  if (!(eps > 0)) throw new ArgumentError(`gaussianNllLoss: eps is ${eps}; it must be above 0`)
  return scope(() => {
    const spread = perElement(variance, input).cast(dtype)
    const constant = full ? Math.log(2 * Math.PI) / 2 : 0
    return reduceLosses(reduction, lossOf(input, target.cast(dtype), spread, eps, constant))
  })
}

function perElement(variance: Tensor, { shape }: Tensor): Tensor {
  const [own, outer] = [variance.shape.join(), shape.slice(0, -1)]
  if (own === shape.join() || own === [...outer, 1].join()) return variance
  if (shape.length > 0 && own === outer.join()) return variance.unsqueeze(-1)
  throw new ShapeError(
    `gaussianNllLoss: the input is ${showShape(shape)}, the variance ${showShape(variance.shape)}; ` +
      'it must be equal, or lack the last axis, or have 1 there',
  )
}
