import { ones, showShape, type Tensor } from '@nablajs/tensor'
import { Module } from '../module.ts'
import { rmsNorm } from '../rms-norm.ts'
import { parameter } from '../state.ts'
import { type FactoryOptions, placeOf } from './factory.ts'

export interface RMSNormOptions extends Pick<FactoryOptions, 'dtype' | 'device'> {
  /** Added to the mean square. Default: the distance from 1 to the next number of the dtype. */
  eps?: number
  /** Whether elements have a factor (1 at first) that learns. Default true. */
  elementwiseAffine?: boolean
}

/**
 * Root mean square normalisation over the last axes; see `rmsNorm` for the equation. Zhang &
 * Sennrich: "Root Mean Square Layer Normalization", arXiv 1910.07467.
 *
 * Input and output `[..., ...normalizedShape]`.
 */
export class RMSNorm extends Module {
  readonly normalizedShape: readonly number[]
  readonly eps: number | undefined
  weight: Tensor | undefined

  constructor(normalizedShape: number | readonly number[], options: RMSNormOptions = {}) {
    super()
    const { elementwiseAffine = true } = options
    this.normalizedShape = [normalizedShape].flat()
    this.eps = options.eps
    this.weight = elementwiseAffine
      ? parameter(ones(this.normalizedShape, placeOf(options)))
      : undefined
  }

  /** @throws ShapeError when the last axes are not `normalizedShape`. */
  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.normalizedShape, this)
  }

  override extraRepr(): string {
    const { normalizedShape, eps, weight } = this
    return [
      showShape(normalizedShape),
      eps === undefined ? '' : `, eps=${eps}`,
      weight ? '' : ', elementwiseAffine=false',
    ].join('')
  }
}
