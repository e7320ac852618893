import { ArgumentError, scope, type Tensor } from '@nablajs/tensor'
import { type AffineOptions, channelsOf, checkAffine } from './affine.ts'
import { standardize } from './standardize.ts'

/**
 * Normalises groups of channels of each image: over all positions and the channels of a group. One
 * group is layer norm over the whole image, a group for each channel is instance norm. Wu & He:
 * "Group Normalization", arXiv 1803.08494.
 *
 * @param x `[N, ..., C]`, channels last; weight and bias are `[C]`.
 * @param groups Divides C.
 * @throws ShapeError for other shapes; ArgumentError when `groups` does not divide C.
 */
export function groupNorm(x: Tensor, groups: number, options: AffineOptions = {}): Tensor {
  const channels = channelsOf('groupNorm', x, 2)
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0)
    throw new ArgumentError(
      `groupNorm: groups is ${groups}; it must divide the ${channels} channels`,
    )
  checkAffine('groupNorm', options, [channels])
  const { weight, bias, eps = 1e-5 } = options
  return scope(() => {
    const split = [groups, channels / groups]
    const y = standardize('groupNorm', x.reshape([x.shape[0]!, -1, ...split]), {
      axes: [1, 3],
      weight: weight?.reshape(split),
      bias: bias?.reshape(split),
      eps,
    })
    return y.reshape(x.shape)
  })
}
