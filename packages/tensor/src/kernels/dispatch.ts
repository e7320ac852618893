/** Chooses between a device's kernel and the composed fallback. */
import type { Backend, Kernels, View } from '../backend.ts'
import { isHalf } from '../dtype.ts'
import { convertInto } from '../ops/fill.ts'
import { withTemporary } from './compose.ts'

type Fallbacks = { readonly [K in keyof Kernels]: (device: Backend) => Kernels[K] }

/** The kernels that compute, and are therefore called with f32 only; other dtypes are composed. */
const arithmetic: ReadonlySet<keyof Kernels> = new Set([
  'matmul',
  'addmm',
  'conv2d',
  'conv2dGradInput',
  'conv2dGradWeight',
  'maxPool2d',
  'sumPool2d',
  'sumPool2dGrad',
])

/** Which argument a kernel writes; `sort` writes only indices. */
const target: Partial<Record<keyof Kernels, number>> = {
  matmul: 2,
  addmm: 3,
  conv2d: 2,
  conv2dGradInput: 2,
  conv2dGradWeight: 2,
  maxPool2d: 1,
  sumPool2d: 1,
  sumPool2dGrad: 1,
  gather: 2,
  scatterAdd: 0,
  cumulative: 1,
}

/** The device's own kernel when it has one for this dtype, else the fallback. */
export function kernel<K extends keyof Kernels>(
  device: Backend,
  name: K,
  like: Pick<View, 'dtype'>,
  fallback: Fallbacks[K],
): Kernels[K] {
  const own = device.kernels[name]
  if (isHalf(like.dtype) && !(own && device.halfKernels?.has(name)))
    return widened(device, name, kernel(device, name, { dtype: 'f32' }, fallback))
  const takes = arithmetic.has(name)
    ? like.dtype === 'f32' || isHalf(like.dtype)
    : like.dtype !== 'f64'
  return own && takes ? (own as Kernels[K]) : (fallback(device) as Kernels[K])
}

const isHalfView = (arg: unknown): arg is View =>
  typeof arg === 'object' && arg !== null && 'dtype' in arg && isHalf((arg as View).dtype)

/** A kernel of f32 for halves: it works on copies, and what it writes is rounded. */
function widened<K extends keyof Kernels>(device: Backend, name: K, run: Kernels[K]): Kernels[K] {
  const written = target[name]
  const call = (args: readonly unknown[], done: readonly unknown[]): void => {
    const at = done.length
    const arg = args[at]
    if (at === args.length) (run as (...given: readonly unknown[]) => void)(...done)
    else if (!isHalfView(arg)) call(args, [...done, arg])
    else
      withTemporary(device, 'f32', arg.shape, (copy) => {
        // Only scatterAdd reads what it writes.
        if (at !== written || name === 'scatterAdd') convertInto(device, arg, copy)
        call(args, [...done, copy])
        if (at === written) convertInto(device, copy, arg)
      })
  }
  return ((...args: readonly unknown[]) => call(args, [])) as Kernels[K]
}
