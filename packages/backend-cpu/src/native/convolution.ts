/** At which sizes oneDNN is worth its call, and several threads. */
import type { Convolution, Pass } from './types.ts'

/** Below so many multiply-adds our own kernels are done before a library has begun. */
const smallest = 50_000

/**
 * Multiply-adds from which several threads pay: some hundred microseconds of one. OpenMP's threads spin
 * and wait for each other, so a machine that is busy otherwise makes a small convolution on several
 * threads many times slower than on one.
 */
export const parallel = 20_000_000

/** The multiply-adds of a convolution. */
export function workOf({ weight, y }: Convolution): number {
  const [r, s, c] = weight as [number, number, number, number]
  return y.reduce((product, extent) => product * extent, r * s * c)
}

/** Whether oneDNN is faster than our own kernels, as far as was measured. */
export function pays(pass: Pass, convolution: Convolution): boolean {
  if (workOf(convolution) < smallest) return false
  const { weight, geometry } = convolution
  const c = weight[2]!
  // The gradient for an image of few channels under large steps takes its slowest way.
  return pass !== 'gradInput' || c >= 8 || (geometry.stride[0] === 1 && geometry.stride[1] === 1)
}
