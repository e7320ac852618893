import { full, ShapeError, showShape, type Tensor } from '@nablajs/tensor'
import { Module } from '../module.ts'
import { parameter } from '../state.ts'

/**
 * A learnable factor for each channel: `y = γ x`, with γ of shape `[channels]` on the last axis.
 * Placed at the end of a residual branch and started near 0, it lets deep networks start close to
 * the identity.
 *
 * Parameters: `channels`, under the name `gamma`.
 *
 * @example
 * ```ts
 * const scale = new LayerScale(4)
 * scale.forward(x).shape   // that of x
 * ```
 *
 * Source: H. Touvron et al., "Going deeper with Image Transformers", arXiv 2103.17239.
 */
export class LayerScale extends Module {
  gamma: Tensor

  /** @param initial What every factor starts with. Default 1e-5. */
  constructor(channels: number, initial = 1e-5) {
    super()
    this.gamma = parameter(full([channels], initial))
  }

  /** @throws ShapeError when the last axis has not one element for each channel. */
  forward(x: Tensor): Tensor {
    const channels = this.gamma.shape[0]!
    if (x.shape.at(-1) !== channels)
      throw new ShapeError(
        `${this}: the input is ${showShape(x.shape)}; its last axis must have ${channels}`,
      )
    return x.mul(this.gamma)
  }

  override extraRepr(): string {
    return `${this.gamma.shape[0]}`
  }
}
