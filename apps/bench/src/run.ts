/** Runs suites: everybody enters for a work, those who can take turns, the others say why not. */
import { type Contender, type MeasureOptions, measure } from './measure.ts'
import { isSkip, type Player, type Skip } from './player.ts'
import type { Comparison } from './results.ts'
import type { Suite, Work } from './suite.ts'

export interface Field {
  readonly subjects: readonly Player[]
  readonly peers: readonly Player[]
}

async function enter(
  players: readonly Player[],
  work: Work,
): Promise<{ contenders: Contender[]; skips: Skip[] }> {
  const contenders: Contender[] = []
  const skips: Skip[] = []
  for (const player of players)
    for (const entry of await player.enter(work.task))
      if (isSkip(entry)) skips.push(entry)
      else contenders.push(entry)
  return { contenders, skips }
}

/** A peer that fails to get ready is skipped with its error; ours is an error of the run. */
const forgiving = (player: Player): Player => ({
  ...player,
  async enter(task) {
    try {
      return await player.enter(task)
    } catch (error) {
      return [{ name: player.name, reason: `failed: ${(error as Error).message}` }]
    }
  },
})

async function compare(
  suite: string,
  work: Work,
  { subjects, peers }: Field,
  timing: MeasureOptions,
): Promise<Comparison> {
  const ours = await enter(subjects, work)
  const others = await enter(peers.map(forgiving), work)
  const contenders = [...ours.contenders, ...others.contenders]
  const timings = await measure(contenders, timing)
  for (const contender of contenders) {
    if ('ready' in contender) await contender.ready?.()
    contender.dispose?.()
  }
  const { task: _, ...description } = work
  return {
    ...description,
    suite,
    subjects: timings.slice(0, ours.contenders.length),
    peers: timings.slice(ours.contenders.length),
    skips: [...ours.skips, ...others.skips],
  }
}

/** A suite with the works that a GPU that is none gets through. */
export const smaller = ({ small, ...suite }: Suite): Suite => ({
  ...suite,
  works:
    small?.map((work) => ({ ...work, note: `${work.note}; sizes for a software GPU` })) ??
    suite.works,
})

/** With the bandwidth of the fastest copy on the device: of this suite's, or its own. */
function beside(comparison: Comparison, before: readonly Comparison[]): Comparison {
  const copy = [...before, comparison].find(({ suite }) => suite === comparison.suite)!
  // PyTorch without a GPU takes part on the processor.
  const onGpu = [...copy.subjects, ...copy.peers].filter(({ name }) => name.includes('cuda'))
  const times = onGpu.map(({ ms }) => ms)
  return times.length > 0
    ? { ...comparison, floor: (copy.bytes! / Math.min(...times)) * 1e3 }
    : comparison
}

/** Runs all works of the suites in order; `seen` is told each as it is there. */
export async function run(
  suites: readonly Suite[],
  field: Field,
  timing: MeasureOptions,
  seen: (comparison: Comparison) => unknown = () => {},
): Promise<Comparison[]> {
  const comparisons: Comparison[] = []
  for (const { name, works } of suites)
    for (const work of works) {
      const found = await compare(name, work, field, timing)
      const comparison = work.task.kind === 'stream' ? beside(found, comparisons) : found
      comparisons.push(comparison)
      await seen(comparison)
    }
  return comparisons
}
