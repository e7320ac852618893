import { afterEach, expect, test, vi } from 'vitest'
import { queued } from './queued.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

/** A device whose clock goes on by so many milliseconds for each run called, each run done, and each wait. */
function pretend(call: number, work: number, wait: number) {
  let [now, pending] = [0, 0]
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  return {
    run() {
      now += call
      pending++
    },
    async wait() {
      now += pending * work + wait
      pending = 0
    },
  }
}

test('many runs share one wait, and the time of a run is their mean', async () => {
  const turn = await queued(pretend(0.25, 0.75, 4))
  // 16 runs and their wait last 20 ms.
  expect(await turn(30)).toEqual([20 / 16, 20 / 16])
})

test('a long run is a batch of its own, and a turn has one at least', async () => {
  const turn = await queued(pretend(1, 49, 0))
  expect(await turn(0)).toEqual([50])
})

test('of the host the calls alone count', async () => {
  const turn = await queued({ ...pretend(0.5, 10, 3), host: true })
  expect(await turn(20)).toEqual([0.5, 0.5])
})
