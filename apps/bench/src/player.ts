/** Whoever takes part: a library, with a device and a number of threads. */
import type { GpuCounts } from './gpu/counts.ts'
import type { Contender } from './measure.ts'
import { type Makers, prepare, type Task } from './tasks.ts'

/** One that does not take part, and why. */
export interface Skip {
  readonly name: string
  readonly reason: string
}

export const isSkip = (entry: Contender | Skip): entry is Skip => 'reason' in entry

export interface Player {
  readonly name: string
  /** The contenders for a work: mostly one, several where there are several ways. */
  enter(task: Task): Promise<readonly (Contender | Skip)[]>
  close?(): unknown
}

/**
 * A library that runs in this process. `select` is called before each run, to choose its device; `count`
 * counts what a run asks of the GPU, where it runs on one.
 */
export function localPlayer(
  name: string,
  version: string,
  makers: Makers,
  select: () => unknown = () => {},
  count?: (run: () => unknown) => Promise<GpuCounts>,
): Player {
  return {
    name,
    async enter(task) {
      await select()
      const made = await prepare(makers, task)
      if (typeof made === 'string') return [{ name, reason: made }]
      return [{ name, version, ready: select, run: made.run, dispose: made.dispose, count }]
    },
  }
}

/** Stands in for a player that is not there: every work shows why. */
export const absent = (name: string, reason: string): Player => ({
  name,
  enter: async () => [{ name, reason }],
})
