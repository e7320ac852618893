/** Complex numbers, as pairs of tensors. */
import { getDefaultDType, isFloat, promote } from '../dtype.ts'
import { ShapeError, showShape } from '../errors.ts'
import { sameShape } from '../layout.ts'
import { scope } from '../memory.ts'
import { atan2, hypot } from '../ops/binary.ts'
import { cast } from '../ops/cast.ts'
import { Tensor } from '../tensor.ts'

/**
 * Complex numbers: two tensors of one shape. Devices have no complex dtype, so this is what there is;
 * each half is an ordinary tensor with gradients of its own.
 */
export interface Complex {
  readonly real: Tensor
  readonly imag: Tensor
}

/** Both halves as floats of one dtype; a tensor alone is real. */
export function complexOf(op: string, x: Tensor | Complex): Complex {
  const { real, imag } = x instanceof Tensor ? { real: x, imag: x.detach().zerosLike() } : x
  if (!sameShape(real.shape, imag.shape))
    throw new ShapeError(
      `${op}: the real part is ${showShape(real.shape)}, the imaginary part ${showShape(imag.shape)}; ` +
        'they must be equal',
    )
  const common = promote(real.dtype, imag.dtype)
  const dtype = isFloat(common) ? common : getDefaultDType()
  return { real: cast(real, dtype), imag: cast(imag, dtype) }
}

/** `f` of each half. */
export const onBoth = ({ real, imag }: Complex, f: (part: Tensor) => Tensor): Complex => ({
  real: f(real),
  imag: f(imag),
})

/** `|z|`, with gradient 0 at 0. */
export function complexAbs({ real, imag }: Complex): Tensor {
  return hypot(real, imag)
}

/** The angle of z to the positive real axis, from -π to π. */
export function complexAngle({ real, imag }: Complex): Tensor {
  return atan2(imag, real)
}

/** The product of complex numbers, which broadcast. */
export function complexMul(a: Complex, b: Complex): Complex {
  return scope(() => ({
    real: a.real.mul(b.real).sub(a.imag.mul(b.imag)),
    imag: a.real.mul(b.imag).add(a.imag.mul(b.real)),
  }))
}
