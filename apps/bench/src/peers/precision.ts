/** What our side does of each precision. */
import { rand, type Shape, type Tensor } from '@nablajs/tensor'
import type { Precision } from '../tasks.ts'

/** Why a precision cannot be had; TF32 is for those who open the device to allow. */
export const refusal = (precision: Precision): string | undefined =>
  precision === 'bf16' || precision === 'f16' ? `it has no ${precision}` : undefined

/** A random matrix that is multiplied in this precision. */
export function operand(shape: Shape, _precision: Precision): Tensor {
  return rand(shape)
}

/** A forward pass in this precision. */
export function mixed<T>(_precision: Precision, body: () => T): T {
  return body()
}
