/** Weighted sums of a few elements on one axis: what resizing and adaptive pooling are made of. */
import { computeType, type DType } from '../dtype.ts'
import { program } from '../program/program.ts'
import { select } from '../program/scalar.ts'
import type { Tensor } from '../tensor.ts'
import { cast } from './cast.ts'
import { tensor } from './create.ts'
import { indexSelect } from './indexing.ts'
import { mapProgram } from './map.ts'
import { reshape } from './movement.ts'
import { squeezeAxes, sumOf } from './sum.ts'

/** The elements that one output is made of, and their weights. */
export interface Taps {
  readonly at: readonly number[]
  readonly weights: readonly number[]
}

/** `Σ valuesₖ weightsₖ` in the dtype of the values, of tensors that broadcast, one kernel for each term; the weights have the dtype to compute in. */
export function weightedSum(values: readonly Tensor[], weights: readonly Tensor[]): Tensor {
  const { dtype } = values[0]!
  const wide = weights[0]!.dtype
  const join = program({ name: 'weightedSum', inputs: [wide, dtype, wide] }, (sum, v, w) =>
    sum!.add(v!.cast(wide).mul(w!)),
  )
  const first = values[0]!.mul(weights[0]!)
  const total = values
    .slice(1)
    .reduce((sum, v, k) => mapProgram(join, [sum, v, weights[k + 1]!]), first)
  return cast(total, dtype)
}

/** `out[i] = Σ weights[i][t] x[at[i][t]]` along an axis. */
export function weighTaps(x: Tensor, axis: number, taps: readonly Taps[]): Tensor {
  const count = Math.max(1, ...taps.map(({ at }) => at.length))
  const { device, dtype } = x
  const wide = computeType(dtype)
  const upload = (values: readonly number[], type: DType): Tensor =>
    tensor(values, { dtype: type, device })
  const pick = (at: readonly number[]): Tensor => indexSelect(x, axis, upload(at, 'i32'))
  // As a column that broadcasts over the axes behind.
  const column = (values: readonly number[], shape: readonly number[]): Tensor =>
    reshape(upload(values, wide), [...shape, ...x.shape.slice(axis + 1).fill(1)])
  if (taps.every(({ weights }) => weights.length === 1 && weights[0] === 1))
    return pick(taps.map(({ at }) => at[0]!))
  if (taps.every(({ at }) => at.length === count) && count <= 4) {
    const each = Array.from({ length: count }, (_, t) => t)
    return weightedSum(
      each.map((t) => pick(taps.map(({ at }) => at[t]!))),
      each.map((t) =>
        column(
          taps.map(({ weights }) => weights[t]!),
          [taps.length],
        ),
      ),
    )
  }
  // Shorter lists are filled with weight 0.
  const fill = (of: (tap: Taps) => readonly number[], value: (tap: Taps) => number): number[] =>
    taps.flatMap((tap) => Array.from({ length: count }, (_, t) => of(tap)[t] ?? value(tap)))
  const picked = pick(
    fill(
      ({ at }) => at,
      ({ at }) => at[0] ?? 0,
    ),
  )
  const weights = column(
    fill(
      ({ weights }) => weights,
      () => 0,
    ),
    [taps.length, count],
  )
  const space = x.shape.toSpliced(axis, 1, taps.length, count)
  const weigh = program({ name: 'weighTaps', inputs: [dtype, wide] }, (v, w) =>
    select(w!.eq(0), 0, v!.cast(wide).mul(w!)).cast(dtype),
  )
  const over = [axis + 1]
  return squeezeAxes(sumOf(weigh, [reshape(picked, space), weights], space, over), over, {})
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
