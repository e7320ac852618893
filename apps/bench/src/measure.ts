/**
 * Interleaved measuring. Shared machines drift, so the contenders take turns in short rounds, and a
 * comparison is the median over rounds of the ratio within a round. mitata samples and sums up.
 */
import { measure as sample } from 'mitata'
import type { GpuCounts } from './gpu/counts.ts'

interface Named {
  readonly name: string
  readonly version: string
  dispose?: (() => void) | undefined
}

/** Somebody in this process who can do the work. */
export interface LocalContender extends Named {
  /** Called at the beginning of each turn. */
  ready?(): unknown
  /** Does the work once and comes back when it is done. */
  run(): unknown
  /** Counts what a run asks of the GPU, for those who use one. */
  count?: ((run: () => unknown) => Promise<GpuCounts>) | undefined
}

/** Somebody elsewhere, who measures for himself. */
export interface RemoteContender extends Named {
  /** Called before each turn. */
  ready?(): unknown
  /** Does the work for so many milliseconds (once at least) and gives the time of each run. */
  turn(ms: number): Promise<readonly number[]>
  /** The most memory of a device that the turns so far took, for those who use one of their own. */
  peakBytes?(): number | undefined
}

export type Contender = LocalContender | RemoteContender

export interface Timing {
  readonly name: string
  readonly version: string
  /** The median over the turns, or the fastest run, in milliseconds. */
  readonly ms: number
  /** The median of each turn, or the fastest run alone; null, which JSON has too, where a slow contender sat out. */
  readonly turns: readonly (number | null)[]
  /** What a run asks of the GPU after the rounds, for those who use one. */
  readonly gpu?: GpuCounts
  /** The most memory of the device that it took, for those who can tell. */
  readonly peakBytes?: number
}

export interface MeasureOptions {
  /** How often each contender takes its turn. */
  readonly rounds: number
  /** The length of a turn, in milliseconds; one run at least. */
  readonly turn: number
  /** Whether the fastest run counts in place of medians: for machines that others keep busy. */
  readonly fastest?: boolean
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** How many times as long `peer` takes as `subject`: the median over the rounds that both took part in. */
export function ratioOf(subject: Timing, peer: Timing): number {
  const ratios = subject.turns.flatMap((ms, round) => {
    const other = peer.turns[round]
    return typeof ms === 'number' && typeof other === 'number' ? [other / ms] : []
  })
  return median(ratios)
}

/** The median time of a run in one turn, or the time of the fastest. */
async function takeTurn(contender: Contender, ms: number, fastest: boolean): Promise<number> {
  if ('turn' in contender) {
    await contender.ready?.()
    const times = await contender.turn(ms)
    return fastest ? Math.min(...times) : median(times)
  }
  await contender.ready?.()
  const { p50, min } = await sample(() => contender.run(), {
    min_cpu_time: ms * 1e6,
    min_samples: 1,
    warmup_samples: 0,
  })
  return (fastest ? min : p50) / 1e6
}

async function countRun(contender: Contender): Promise<GpuCounts | undefined> {
  if ('turn' in contender || !contender.count) return undefined
  await contender.ready?.()
  return contender.count(() => contender.run())
}

/** A run as long as this many turns makes its contender sit out all rounds but the first. */
const slow = 10

/** Times all contenders side by side. */
export async function measure(
  contenders: readonly Contender[],
  { rounds, turn, fastest = false }: MeasureOptions,
): Promise<Timing[]> {
  const once: number[] = []
  for (const contender of contenders) {
    const begin = performance.now()
    await contender.ready?.()
    if ('turn' in contender) await contender.turn(0)
    else await contender.run()
    once.push(performance.now() - begin)
  }
  const times = contenders.map((): (number | null)[] => [])
  for (let round = 0; round < rounds; round++)
    for (const [i, contender] of contenders.entries()) {
      const sitsOut = round > 0 && Math.min(once[i]!, times[i]![0] ?? 0) > slow * turn
      times[i]!.push(sitsOut ? null : await takeTurn(contender, turn, fastest))
    }
  const timings: Timing[] = []
  for (const [i, contender] of contenders.entries()) {
    const { name, version } = contender
    const taken = times[i]!.filter((ms) => ms !== null)
    const best = Math.min(...taken)
    const gpu = await countRun(contender)
    const peakBytes = 'turn' in contender ? contender.peakBytes?.() : undefined
    timings.push({
      name,
      version,
      ...(fastest ? { ms: best, turns: [best] } : { ms: median(taken), turns: times[i]! }),
      ...(gpu && { gpu }),
      ...(peakBytes !== undefined && { peakBytes }),
    })
  }
  return timings
}
