import { ArgumentError, addmm, ShapeError, showShape, type Tensor } from '@nablajs/tensor'
import { Module } from '../module.ts'
import { drawParameter, type FactoryOptions } from './factory.ts'

export interface LinearOptions extends FactoryOptions {
  /** Whether to add a bias. Default true. */
  bias?: boolean
}

/**
 * An affine map of the last axis: `y = x Wᵀ + b`.
 *
 * Input `[..., inFeatures]`, output `[..., outFeatures]`. Weight `[outFeatures, inFeatures]` and bias
 * `[outFeatures]` start uniform in ±1/√inFeatures, as in PyTorch.
 *
 * @example
 * ```ts
 * const layer = new Linear(64, 10)
 * layer.forward(zeros([32, 64])).shape   // [32, 10]
 * ```
 */
export class Linear extends Module {
  readonly inFeatures: number
  readonly outFeatures: number
  weight: Tensor
  bias: Tensor | undefined

  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    super()
    for (const size of [inFeatures, outFeatures])
      if (!Number.isInteger(size) || size < 0)
        throw new ArgumentError(
          `Linear(${inFeatures}, ${outFeatures}): sizes are whole numbers >= 0`,
        )
    this.inFeatures = inFeatures
    this.outFeatures = outFeatures
    this.weight = drawParameter([outFeatures, inFeatures], inFeatures, options)
    this.bias =
      options.bias === false ? undefined : drawParameter([outFeatures], inFeatures, options)
  }

  /** @throws ShapeError when the last axis is not `inFeatures`. */
  forward(x: Tensor): Tensor {
    if (x.shape.at(-1) !== this.inFeatures)
      throw new ShapeError(
        `${this}: the input is ${showShape(x.shape)}; its last axis must have ${this.inFeatures}`,
      )
    const weight = this.weight.transpose()
    if (!this.bias) return x.matmul(weight)
    return x.rank === 1
      ? addmm(this.bias, x.unsqueeze(0), weight).squeeze(0)
      : addmm(this.bias, x, weight)
  }

  override extraRepr(): string {
    return `${this.inFeatures}, ${this.outFeatures}${this.bias ? '' : ', bias=false'}`
  }
}
