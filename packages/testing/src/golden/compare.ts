/** Compares results with the numbers of a golden file. */
import type { Tensor } from '@nablajs/tensor'
import { showMismatch, type Tolerance, worstMismatch } from '../close.ts'

/** The device that cases run on, and how exact it is. */
export interface Target {
  readonly float: 'f32' | 'f64'
  /** Relative to each number, and to the largest of the same tensor. */
  readonly relative: number
  readonly ofLargest: number
}

export const targets: Readonly<Record<'f32' | 'f64', Target>> = {
  f64: { float: 'f64', relative: 1e-9, ofLargest: 1e-12 },
  f32: { float: 'f32', relative: 1e-4, ofLargest: 1e-5 },
}

export interface Expected {
  readonly shape: readonly number[]
  readonly values: ArrayLike<number>
  readonly integer?: boolean
}

function toleranceFor({ values, integer }: Expected, { relative, ofLargest }: Target): Tolerance {
  if (integer) return { rtol: 0, atol: 0 }
  let largest = 0
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i]!)
    if (size > largest && size < Number.POSITIVE_INFINITY) largest = size
  }
  return { rtol: relative, atol: ofLargest * largest }
}

/** What is wrong with plain numbers, if anything. */
export function compareNumbers(
  what: string,
  actual: ArrayLike<number>,
  expected: Expected,
  target: Target,
): string[] {
  const mismatch = worstMismatch(actual, expected.values, toleranceFor(expected, target))
  return mismatch ? [`${what}: ${showMismatch(mismatch, expected.shape)}`] : []
}

/** What is wrong with a tensor, if anything. */
export async function compareTensor(
  what: string,
  actual: Tensor,
  expected: Expected,
  target: Target,
): Promise<string[]> {
  if (actual.shape.join() !== expected.shape.join())
    return [`${what}: shape [${actual.shape.join(', ')}], expected [${expected.shape.join(', ')}]`]
  return compareNumbers(what, await actual.data(), expected, target)
}
