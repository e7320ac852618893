/** Weighted sums of a few elements on one axis: what resizing and adaptive pooling are made of. */
import { program } from '../program/program.ts'
import { select } from '../program/scalar.ts'
import type { Tensor } from '../tensor.ts'
import { tensor } from './create.ts'
import { indexSelect } from './indexing.ts'
import { reshape } from './movement.ts'
import { squeezeAxes, sumOf } from './sum.ts'

/** The elements that one output is made of, and their weights. */
export interface Taps {
  readonly at: readonly number[]
  readonly weights: readonly number[]
}

/** `out[i] = Σ weights[i][t] x[at[i][t]]` along an axis. */
export function weighTaps(x: Tensor, axis: number, taps: readonly Taps[]): Tensor {
  const count = Math.max(1, ...taps.map(({ at }) => at.length))
  // Shorter lists are filled with weight 0.
  const fill = (of: (tap: Taps) => readonly number[], value: (tap: Taps) => number): number[] =>
    taps.flatMap((tap) => Array.from({ length: count }, (_, t) => of(tap)[t] ?? value(tap)))
  const { device, dtype } = x
  const at = tensor(
    fill(
      ({ at }) => at,
      ({ at }) => at[0] ?? 0,
    ),
    { dtype: 'i32', device },
  )
  const picked = indexSelect(x, axis, at)
  if (taps.every(({ weights }) => weights.length === 1 && weights[0] === 1)) return picked
  const weights = tensor(
    fill(
      ({ weights }) => weights,
      () => 0,
    ),
    { dtype, device },
  )
  const space = x.shape.toSpliced(axis, 1, taps.length, count)
  const wide = reshape(weights, [taps.length, count, ...space.slice(axis + 2).fill(1)])
  const weigh = program({ name: 'weighTaps', inputs: [dtype, dtype] }, (v, w) =>
    select(w!.eq(0), 0, v!.mul(w!)),
  )
  const over = [axis + 1]
  return squeezeAxes(sumOf(weigh, [reshape(picked, space), wide], space, over), over, {})
}

/** The windows of adaptive pooling: they cover the axis, and may overlap by one element. */
export function adaptiveWindows(size: number, count: number): { start: number; end: number }[] {
  return Array.from({ length: count }, (_, i) => ({
    start: Math.floor((i * size) / count),
    end: Math.ceil(((i + 1) * size) / count),
  }))
}

/** The mean of each adaptive window. */
export function adaptiveTaps(size: number, count: number): Taps[] {
  return adaptiveWindows(size, count).map(({ start, end }) => ({
    at: Array.from({ length: end - start }, (_, t) => start + t),
    weights: new Array<number>(end - start).fill(1 / (end - start)),
  }))
}

/** Keys' kernel for weights of four neighbors; `a` is its slope at distance 1. */
export function cubic(distance: number, a: number): number {
  const x = Math.abs(distance)
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1
  return x < 2 ? a * (((x - 5) * x + 8) * x - 4) : 0
}
