/**
 * Interleaved measuring. Shared machines drift, so the contenders take turns in short rounds, and a
 * comparison is the median over rounds of the ratio within a round. mitata samples and sums up.
 */
import { measure as sample } from 'mitata'

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
}

/** Somebody elsewhere, who measures for himself. */
export interface RemoteContender extends Named {
  /** Does the work for so many milliseconds (once at least) and gives the time of each run. */
  turn(ms: number): Promise<readonly number[]>
}

export type Contender = LocalContender | RemoteContender

export interface Timing {
  readonly name: string
  readonly version: string
  /** The median over the turns, in milliseconds. */
  readonly ms: number
  /** The median of each turn; null, which JSON has too, where a slow contender sat out. */
  readonly turns: readonly (number | null)[]
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

/** How many times as long `peer` takes as `subject`: the median over the rounds that both took part in. */
export function ratioOf(subject: Timing, peer: Timing): number {
  const ratios = subject.turns.flatMap((ms, round) => {
    const other = peer.turns[round]
    return typeof ms === 'number' && typeof other === 'number' ? [other / ms] : []
  })
  return median(ratios)
}

/** The median time of a run in one turn. */
async function takeTurn(contender: Contender, ms: number): Promise<number> {
  if ('turn' in contender) return median(await contender.turn(ms))
  await contender.ready?.()
  const { p50 } = await sample(() => contender.run(), {
    min_cpu_time: ms * 1e6,
    min_samples: 1,
    warmup_samples: 0,
  })
  return p50 / 1e6
}

/** A run as long as this many turns makes its contender sit out all rounds but the first. */
const slow = 10

/** Times all contenders side by side. */
export async function measure(
  contenders: readonly Contender[],
  { rounds, turn }: MeasureOptions,
): Promise<Timing[]> {
  const once: number[] = []
  for (const contender of contenders) {
    const begin = performance.now()
    if ('turn' in contender) await contender.turn(0)
    else {
      await contender.ready?.()
      await contender.run()
    }
    once.push(performance.now() - begin)
  }
  const times = contenders.map((): (number | null)[] => [])
  for (let round = 0; round < rounds; round++)
    for (const [i, contender] of contenders.entries()) {
      const sitsOut = round > 0 && Math.min(once[i]!, times[i]![0] ?? 0) > slow * turn
      times[i]!.push(sitsOut ? null : await takeTurn(contender, turn))
    }
  return contenders.map(({ name, version }, i) => ({
    name,
    version,
    ms: median(times[i]!.filter((ms) => ms !== null)),
    turns: times[i]!,
  }))
}
