import { ones, showShape, type Tensor, zeros } from '@nablajs/tensor'
import { layerNorm } from '../layer-norm.ts'
import { Module } from '../module.ts'
import { parameter } from '../state.ts'
import { type FactoryOptions, placeOf } from './factory.ts'

export interface LayerNormOptions extends Pick<FactoryOptions, 'dtype' | 'device'> {
  /** Added to the variance. Default 1e-5. */
  eps?: number
  /** Whether elements have a factor (1 at first) and an offset (0) that learn. Default true. */
  elementwiseAffine?: boolean
  /** Whether there is an offset. Default true. */
  bias?: boolean
}

/**
 * Layer normalisation over the last axes; see `layerNorm` for the equation.
 *
 * Input and output `[..., ...normalizedShape]`; weight and bias have the normalised shape.
 *
 * Ba, Kiros, Hinton: "Layer Normalization", arXiv 1607.06450.
 *
 * @example
 * ```ts
 * new LayerNorm(64).forward(zeros([8, 10, 64]))   // each of the 80 vectors
 * ```
 */
export class LayerNorm extends Module {
  readonly normalizedShape: readonly number[]
  readonly eps: number
  weight: Tensor | undefined
  bias: Tensor | undefined

  constructor(normalizedShape: number | readonly number[], options: LayerNormOptions = {}) {
    super()
    const { eps = 1e-5, elementwiseAffine = true, bias = true } = options
    this.normalizedShape = [normalizedShape].flat()
    this.eps = eps
    const place = placeOf(options)
    this.weight = elementwiseAffine ? parameter(ones(this.normalizedShape, place)) : undefined
    this.bias =
      elementwiseAffine && bias ? parameter(zeros(this.normalizedShape, place)) : undefined
  }

  /** @throws ShapeError when the last axes are not `normalizedShape`. */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.normalizedShape, this)
  }

  override extraRepr(): string {
    const { normalizedShape, eps, weight, bias } = this
    return [
      `${showShape(normalizedShape)}, eps=${eps}`,
      weight ? '' : ', elementwiseAffine=false',
      weight && !bias ? ', bias=false' : '',
    ].join('')
  }
}
