/** What our side does of each precision. */
import { autocast, getDevice, noGrad, rand, type Shape, scope, type Tensor } from '@nablajs/tensor'
import type { Precision } from '../tasks.ts'

const isHalf = (precision: Precision): precision is 'bf16' | 'f16' =>
  precision === 'bf16' || precision === 'f16'

/** Why the device does not have a precision; TF32 is for those who open it to allow. */
export const refusal = (precision: Precision): string | undefined =>
  isHalf(precision) && !getDevice().dtypes.has(precision) ? `it has no ${precision}` : undefined

/** A random matrix that is multiplied in this precision. */
export const operand = (shape: Shape, precision: Precision): Tensor =>
  isHalf(precision) ? scope(() => noGrad(() => rand(shape).cast(precision))) : rand(shape)

/** A forward pass in this precision. */
export const mixed = <T>(precision: Precision, body: () => T): T =>
  isHalf(precision) ? autocast(precision, body) : body()
