/** Comparing numbers, and saying where they differ. */
import type { DType } from '@nablajs/tensor'

export interface Tolerance {
  /** Allowed relative to the expected value. */
  readonly rtol: number
  /** Allowed in any case. */
  readonly atol: number
}

/** What one op may lose, when its inputs are exact. */
export const tolerances: Readonly<Record<DType, Tolerance>> = {
  f16: { rtol: 2 ** -10, atol: 2 ** -24 },
  bf16: { rtol: 2 ** -7, atol: 1e-30 },
  f32: { rtol: 1e-5, atol: 1e-6 },
  f64: { rtol: 1e-10, atol: 1e-12 },
  i32: { rtol: 0, atol: 0 },
  u32: { rtol: 0, atol: 0 },
  bool: { rtol: 0, atol: 0 },
}

export interface Mismatch {
  /** Row-major number of the worst element. */
  readonly index: number
  readonly actual: number
  readonly expected: number
  /** How many elements differ. */
  readonly count: number
}

/** How far `actual` is beyond what is allowed; 0 or less is close. NaN is close to NaN only. */
function excess(actual: number, expected: number, { rtol, atol }: Tolerance): number {
  if (Object.is(actual, expected) || actual === expected) return -1
  const distance = Math.abs(actual - expected) - (atol + rtol * Math.abs(expected))
  return Number.isFinite(expected) && Number.isFinite(actual) ? distance : Number.POSITIVE_INFINITY
}

/** The worst element of two equally long lists that is not close, or undefined. */
export function worstMismatch(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
): Mismatch | undefined {
  let worst = -1
  let most = 0
  let count = 0
  for (let i = 0; i < expected.length; i++) {
    const over = excess(actual[i]!, expected[i]!, tolerance)
    if (over <= 0) continue
    count++
    if (over > most) {
      most = over
      worst = i
    }
  }
  return count === 0
    ? undefined
    : { index: worst, actual: actual[worst]!, expected: expected[worst]!, count }
}

/** The actual values, with the expected one in the place of those that agree with an alternative. */
export function closest(
  actual: ArrayLike<number>,
  wanted: ArrayLike<number>,
  alternative: ArrayLike<number>,
  tolerance: Tolerance,
): ArrayLike<number> {
  return Array.from(actual, (value, i) =>
    worstMismatch([value], [alternative[i]!], tolerance) ? value : wanted[i]!,
  )
}

/** Whether an f32 is below the smallest normal one, but not 0. */
export function isSubnormal(value: number): boolean {
  return value !== 0 && Math.abs(value) < 2 ** -126
}

/** The values with zeros of their signs in the place of the subnormal ones. */
export function flush(values: readonly number[]): number[] {
  return values.map((value) => (isSubnormal(value) ? 0 * value : value))
}

/** The row-major number of an element as `[1, 2]`. */
export function showIndex(flat: number, shape: readonly number[]): string {
  const index: number[] = []
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(flat % shape[axis]!)
    flat = Math.floor(flat / shape[axis]!)
  }
  return `[${index.join(', ')}]`
}

/** `3 elements differ, worst at [1, 2]: 0.5, expected 0.25 (off by 0.25, relative 1)` */
export function showMismatch(mismatch: Mismatch, shape: readonly number[]): string {
  const { index, actual, expected, count } = mismatch
  const distance = Math.abs(actual - expected)
  const relative = distance / Math.abs(expected)
  return (
    `${count} elements differ, worst at ${showIndex(index, shape)}: ${actual}, expected ${expected} ` +
    `(off by ${distance.toPrecision(3)}, relative ${relative.toPrecision(3)})`
  )
}
