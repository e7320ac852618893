/** What a bar is, and how the ratios of a comparison are held against one. */
import { ratioOf, type Timing } from './measure.ts'
import type { Comparison } from './results.ts'

export interface Bar {
  readonly work: string
  /** What is wanted, in words. */
  readonly wanted: string
  /** What was measured, in the same words; `undefined` where something was missing, which `why` tells. */
  readonly value: number | undefined
  readonly unit: string
  readonly met: boolean | undefined
  readonly why?: string
}

export type Pick1 = (comparison: Comparison) => Timing | undefined

export const subject =
  (test: RegExp): Pick1 =>
  ({ subjects }) =>
    subjects.find(({ name }) => test.test(name))
export const peer =
  (test: RegExp): Pick1 =>
  ({ peers }) =>
    peers.find(({ name }) => test.test(name))

/** One number of one comparison. */
export interface Value {
  readonly value: number | undefined
  readonly missing: string
}

export const pickRatio =
  (ours: Pick1, theirs: Pick1, missing: string) =>
  (at: Comparison): Value => {
    const [a, b] = [ours(at), theirs(at)]
    return { value: a && b ? ratioOf(a, b) : undefined, missing }
  }

/** The best of several peers: the smallest ratio, of those that were there. */
export const pickBest =
  (ours: Pick1, theirs: readonly Pick1[], missing: string) =>
  (at: Comparison): Value => {
    const values = theirs.flatMap((one) => pickRatio(ours, one, '')(at).value ?? [])
    return { value: values.length > 0 ? Math.min(...values) : undefined, missing }
  }

export function atLeast(
  work: string,
  bar: number,
  wanted: string,
  { value, missing }: Value,
  unit = 'x',
): Bar {
  return value === undefined
    ? { work, wanted, value, unit, met: undefined, why: missing }
    : { work, wanted, value, unit, met: value >= bar }
}

export function atMost(work: string, bar: number, wanted: string, value: Value, unit = 'x'): Bar {
  const { value: found } = value
  return {
    ...atLeast(work, 0, wanted, value, unit),
    met: found === undefined ? undefined : found <= bar,
  }
}
