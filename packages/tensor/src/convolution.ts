/** What kernels of convolutions work out of shapes: sizes, and the stride-1 pieces of a gradient. */
import type { ConvGeometry, View } from './backend.ts'

/** ConvSizes of a convolution, in elements; `cg` and `kg` are the channels of one group. */
export interface ConvSizes {
  readonly n: number
  readonly h: number
  readonly w: number
  readonly c: number
  readonly r: number
  readonly s: number
  readonly cg: number
  readonly k: number
  readonly kg: number
  readonly oh: number
  readonly ow: number
}

/** The sizes of a convolution of x with a weight to y, or of one of its gradients. */
export function convSizes(x: View, weight: View, y: View, { groups }: ConvGeometry): ConvSizes {
  const [n, h, w, c] = x.shape as [number, number, number, number]
  const [r, s, cg, k] = weight.shape as [number, number, number, number]
  const [, oh, ow] = y.shape as [number, number, number, number]
  return { n, h, w, c, r, s, cg, k, kg: k / groups, oh, ow }
}

/** Whether the convolution is a product of the pixels with the weight. */
export function isPointwise(sizes: ConvSizes, { stride, padding }: ConvGeometry): boolean {
  const { h, w, r, s, oh, ow } = sizes
  const ones = r === 1 && s === 1 && stride[0] === 1 && stride[1] === 1
  return ones && padding[0] === 0 && padding[1] === 0 && h === oh && w === ow
}

/**
 * The taps that reach the inputs `phase, phase + stride, ...` of one axis, as a convolution of stride
 * 1 over the outputs. Tap `last - j * every` of the kernel is its tap j.
 */
export interface ConvPhase {
  /** The first input. */
  readonly phase: number
  /** Inputs of this phase. */
  readonly grid: number
  readonly taps: number
  readonly last: number
  readonly every: number
  readonly padding: number
  readonly dilation: number
}

/**
 * The phases of one axis: `size` inputs, `kernel` taps.
 *
 * Output o reaches input i = o stride - padding + tap dilation. For the inputs i = phase + j stride
 * only taps with (phase + padding - tap dilation) divisible by the stride count, and they reach j from
 * o = j + (phase + padding - tap dilation) / stride: the larger the tap, the smaller o. So the taps
 * are taken from the last one down.
 */
export function convPhases(
  size: number,
  kernel: number,
  stride: number,
  padding: number,
  dilation: number,
): ConvPhase[] {
  const every = stride / greatestDivisor(stride, dilation)
  return Array.from({ length: Math.min(stride, size) }, (_, phase) => {
    const grid = Math.ceil((size - phase) / stride)
    let first = 0
    while (first < every && (phase + padding - first * dilation) % stride !== 0) first++
    const taps = first < every && first < kernel ? Math.floor((kernel - 1 - first) / every) + 1 : 0
    const last = first + (taps - 1) * every
    return {
      ...{ phase, grid, taps, last, every },
      padding: (last * dilation - phase - padding) / stride,
      dilation: (every * dilation) / stride,
    }
  })
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b)
}
