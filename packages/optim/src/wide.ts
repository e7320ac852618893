import { type DType, isHalf } from '@nablajs/tensor'

/** What sums over values of a dtype are kept in: f32 for those of 16 bits, whose squares leave the range of f16. */
export const wideType = (dtype: DType): DType => (isHalf(dtype) ? 'f32' : dtype)
