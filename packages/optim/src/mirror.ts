/** Parameters for numbers that live elsewhere: in arrays, or in another library. */
import { type Backend, keep, type Shape, type Tensor, tensor } from '@nablajs/tensor'

/** A leaf and its gradient, written and read by the host without a kernel. */
export class Mirror {
  readonly parameter: Tensor
  readonly #gradient: Tensor

  constructor(
    values: ArrayLike<number>,
    options: { shape: Shape; dtype: 'f32' | 'f64'; device?: Backend },
  ) {
    const own = typed(values, options.dtype)
    this.parameter = keep(tensor(own, { ...options, requiresGrad: true }))
    this.#gradient = keep(tensor(own, options))
  }

  /** Takes over the numbers there are now. */
  write(values: ArrayLike<number>): void {
    fill(this.parameter, values)
  }

  /** Sets the gradient, or leaves the parameter out of the next step. */
  setGradient(values: ArrayLike<number> | undefined): void {
    if (values) fill(this.#gradient, values)
    this.parameter.grad = values ? this.#gradient : undefined
  }

  /** The numbers after a step. */
  read(): ArrayLike<number> {
    return this.parameter.dataSync()
  }

  dispose(): void {
    this.parameter.grad = undefined
    this.parameter.dispose()
    this.#gradient.dispose()
  }
}

function fill(target: Tensor, values: ArrayLike<number>): void {
  target.device.write(target.buffer, typed(values, target.dtype as 'f32' | 'f64'))
}

function typed(values: ArrayLike<number>, dtype: 'f32' | 'f64'): Float32Array | Float64Array {
  const Type = dtype === 'f32' ? Float32Array : Float64Array
  return values instanceof Type ? values : Type.from(values)
}
