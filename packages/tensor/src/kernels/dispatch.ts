/** Chooses between a device's kernel and the composed fallback. */
import type { Backend, Kernels, View } from '../backend.ts'

type Fallbacks = { readonly [K in keyof Kernels]: (device: Backend) => Kernels[K] }

/** The kernels that compute, and are therefore called with f32 only; other dtypes are composed. */
const arithmetic: ReadonlySet<keyof Kernels> = new Set([
  'matmul',
  'conv2d',
  'conv2dGradInput',
  'conv2dGradWeight',
  'maxPool2d',
  'sumPool2d',
  'sumPool2dGrad',
])

/** The device's own kernel when it has one for this dtype, else the fallback. */
export function kernel<K extends keyof Kernels>(
  device: Backend,
  name: K,
  like: Pick<View, 'dtype'>,
  fallback: Fallbacks[K],
): Kernels[K] {
  const own = device.kernels[name]
  const takes = arithmetic.has(name) ? like.dtype === 'f32' : like.dtype !== 'f64'
  return own && takes ? (own as Kernels[K]) : (fallback(device) as Kernels[K])
}
