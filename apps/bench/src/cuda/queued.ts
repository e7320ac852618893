/** Timing of work that is queued on a device: many runs, then one wait. */

export interface QueuedWork {
  /** Queues the work once. */
  run(): unknown
  /** Comes back when all that is queued is done. */
  wait(): Promise<unknown>
  /** Whether only the calls count: the time that the host needs to queue a run. */
  readonly host?: boolean
}

/** A batch lasts so many milliseconds at least, for the wait at its end to be a small part of it. */
const shortest = 20
const mostRuns = 1024
/** What warms up: so many runs at least, for so many milliseconds at least. */
const warmUp = { runs: 3, ms: 100 }

/** Milliseconds of a run, of `runs` queued at once. */
async function batch({ run, wait, host }: QueuedWork, runs: number): Promise<number> {
  const begin = performance.now()
  for (let i = 0; i < runs; i++) run()
  const queued = performance.now()
  await wait()
  return ((host ? queued : performance.now()) - begin) / runs
}

/**
 * Warms up, which compiles kernels, and finds how many runs make a batch; then gives the function that
 * takes a turn: the time of a run in each batch.
 */
export async function queued(work: QueuedWork): Promise<(ms: number) => Promise<number[]>> {
  const begin = performance.now()
  for (let i = 0; i < warmUp.runs || performance.now() - begin < warmUp.ms; i++)
    await batch(work, 1)
  let runs = 1
  while (!work.host && runs * (await batch(work, runs)) < shortest && runs < mostRuns) runs *= 2
  return async (ms) => {
    const times: number[] = []
    const end = performance.now() + ms
    while (times.length === 0 || performance.now() < end) times.push(await batch(work, runs))
    return times
  }
}
