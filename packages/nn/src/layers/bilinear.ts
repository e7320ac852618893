import { ShapeError, showShape, type Tensor } from '@nablajs/tensor'
import { Module } from '../module.ts'
import { drawParameter } from './factory.ts'
import type { LinearOptions } from './linear.ts'

/**
 * A bilinear map of two vectors: `y_k = x1ᵀ W_k x2 + b_k`.
 *
 * Inputs `[..., in1Features]` and `[..., in2Features]`, output `[..., outFeatures]`. Weight
 * `[outFeatures, in1Features, in2Features]` and bias start uniform in ±1/√in1Features.
 *
 * @example
 * ```ts
 * new Bilinear(3, 4, 2).forward(zeros([8, 3]), zeros([8, 4])).shape   // [8, 2]
 * ```
 */
export class Bilinear extends Module<[x1: Tensor, x2: Tensor], Tensor> {
  readonly in1Features: number
  readonly in2Features: number
  readonly outFeatures: number
  weight: Tensor
  bias: Tensor | undefined

  constructor(
    in1Features: number,
    in2Features: number,
    outFeatures: number,
    options: LinearOptions = {},
  ) {
    super()
    this.in1Features = in1Features
    this.in2Features = in2Features
    this.outFeatures = outFeatures
    this.weight = drawParameter([outFeatures, in1Features, in2Features], in1Features, options)
    this.bias =
      options.bias === false ? undefined : drawParameter([outFeatures], in1Features, options)
  }

  /** @throws ShapeError when the last axes do not fit, or the others differ. */
  forward(x1: Tensor, x2: Tensor): Tensor {
    const { in1Features, in2Features, outFeatures, weight, bias } = this
    const lead = x1.shape.slice(0, -1)
    if (
      x1.shape.at(-1) !== in1Features ||
      x2.shape.at(-1) !== in2Features ||
      lead.join() !== x2.shape.slice(0, -1).join()
    )
      throw new ShapeError(
        `${this}: the inputs are ${showShape(x1.shape)} and ${showShape(x2.shape)}; ` +
          `they must be [..., ${in1Features}] and [..., ${in2Features}]`,
      )
    const rows = weight.permute([1, 0, 2]).reshape([in1Features, outFeatures * in2Features])
    const half = x1.reshape([-1, in1Features]).matmul(rows).reshape([-1, outFeatures, in2Features])
    const y = half.matmul(x2.reshape([-1, in2Features, 1])).reshape([...lead, outFeatures])
    return bias ? y.add(bias) : y
  }

  override extraRepr(): string {
    const { in1Features, in2Features, outFeatures } = this
    return `${in1Features}, ${in2Features}, ${outFeatures}${this.bias ? '' : ', bias=false'}`
  }
}
