/**
 * Interleaved measuring. Shared machines drift, so the contenders take turns in short rounds, and a
 * comparison is the median over rounds of the ratio within a round. mitata samples and sums up.
 */
import { measure as sample } from 'mitata'

/** Somebody who can do the work. `run` does it once and comes back when it is done. */
export interface Contender {
  readonly name: string
  readonly version: string
  run(): unknown
  dispose?(): void
}

export interface Timing {
  readonly name: string
  readonly version: string
  /** The median time of one run, in milliseconds. */
  readonly ms: number
  /** How many times this takes as long as the first contender. */
  readonly ratio: number
}

export interface MeasureOptions {
  /** How often each contender takes its turn. */
  readonly rounds: number
  /** The length of a turn, in milliseconds; one run at least. */
  readonly turn: number
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Times all contenders side by side; the first is the one that the others are compared with. */
export async function measure(
  contenders: readonly Contender[],
  { rounds, turn }: MeasureOptions,
): Promise<Timing[]> {
  for (const { run } of contenders) await run()
  const times: number[][] = contenders.map(() => [])
  for (let round = 0; round < rounds; round++)
    for (const [i, contender] of contenders.entries()) {
      const { p50 } = await sample(() => contender.run(), {
        min_cpu_time: turn * 1e6,
        min_samples: 1,
        warmup_samples: 0,
      })
      times[i]!.push(p50 / 1e6)
    }
  return contenders.map(({ name, version }, i) => ({
    name,
    version,
    ms: median(times[i]!),
    ratio: median(times[i]!.map((ms, round) => ms / times[0]![round]!)),
  }))
}
