import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { describeOnGpu } from '../../test/gpu.ts'
import { webgpu } from '../open.ts'
import { bufferUsage, mapModeRead } from './constants.ts'
import { type Clock, Waiting } from './waiting.ts'

afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

describe('waiting', () => {
  let turns: (() => void)[]
  let timers: { run: () => void; ms: number }[]
  let now: number
  const clock: Clock = {
    setImmediate: (run) => turns.push(run),
    setTimeout: (run, ms) => timers.push({ run, ms }),
    now: () => now,
  }
  const turn = (): void => turns.shift()!()

  beforeEach(() => {
    turns = []
    timers = []
    now = 0
  })

  /** Work that is done when it has been asked for so many times, as Dawn asks. */
  function begin(asks: number): Promise<void> {
    return new Promise((resolve) => {
      const ask = (): void => {
        if (--asks > 0) setImmediate(ask)
        else resolve()
      }
      setImmediate(ask)
    })
  }

  it('asks in every turn to begin with, and then every millisecond', async () => {
    const waited = new Waiting(10, clock).for(() => begin(4))
    turn()
    now = 9
    turn()
    now = 10
    turn()
    // What was planned late comes by a timer.
    turn()
    expect(turns).toHaveLength(0)
    expect(timers).toMatchObject([{ ms: 1 }])
    timers.shift()!.run()
    await waited
    expect([...turns, ...timers]).toHaveLength(0)
  })

  it('asks in every turn again after a wait has ended', async () => {
    const waiting = new Waiting(10, clock)
    const first = waiting.for(() => begin(2))
    const second = waiting.for(() => begin(4))
    now = 20
    turn()
    turn()
    turn()
    turn()
    expect(timers).toHaveLength(2)
    timers.shift()!.run()
    await first
    timers.shift()!.run()
    turn()
    turn()
    expect(timers).toHaveLength(0)
    await second
  })

  it('puts setImmediate back at once', async () => {
    const { setImmediate } = globalThis
    const waiting = new Waiting(0, clock)
    let within: unknown
    const waited = waiting.for(async () => {
      within = globalThis.setImmediate
    })
    expect(within).not.toBe(setImmediate)
    expect(globalThis.setImmediate).toBe(setImmediate)
    await waited
    const failing = waiting.for(() => {
      throw new Error('lost')
    })
    expect(globalThis.setImmediate).toBe(setImmediate)
    await expect(failing).rejects.toThrow('lost')
    // So it does where asking fails.
    waiting.for(
      () =>
        new Promise(() => {
          globalThis.setImmediate(() => {
            throw new Error('asked in vain')
          })
        }),
    )
    turn()
    expect(timers.shift()!.run).toThrow('asked in vain')
    expect(globalThis.setImmediate).toBe(setImmediate)
  })

  it('lets others wait as always once nothing of its own is open', async () => {
    const waiting = new Waiting(0, clock)
    let other: Promise<void> | undefined
    await waiting.for(async () => {
      // Somebody else's wait that Dawn takes along.
      other = begin(3)
    })
    turn()
    timers.shift()!.run()
    turn()
    turn()
    await other
    expect(timers).toHaveLength(0)
  })

  it('lets listeners plan and cancel calls with arguments', async () => {
    const called: unknown[] = []
    await new Waiting(0).for(async () => {
      globalThis.setImmediate((...values: unknown[]) => called.push(values), 1, 2)
      clearImmediate(globalThis.setImmediate(() => called.push('cancelled')))
    })
    await new Promise((done) => setTimeout(done, 20))
    expect(called).toEqual([[1, 2]])
  })

  it('waits in real time under a clock that a test has stopped', async () => {
    vi.useFakeTimers()
    await new Waiting(1).for(() => begin(5))
    expect(vi.getTimerCount()).toBe(0)
  })

  it('lets Dawn wait as always where globals are frozen', async () => {
    const own = Object.getOwnPropertyDescriptor(globalThis, 'setImmediate')!
    Object.defineProperty(globalThis, 'setImmediate', { ...own, writable: false })
    try {
      await new Waiting(0, clock).for(() => begin(3))
      expect([...turns, ...timers]).toHaveLength(0)
    } finally {
      Object.defineProperty(globalThis, 'setImmediate', own)
    }
  })

  it('does nothing where there is no setImmediate', async () => {
    vi.stubGlobal('setImmediate', undefined)
    expect(await new Waiting(0).for(() => Promise.resolve(3))).toBe(3)
    expect(globalThis.setImmediate).toBeUndefined()
  })
})

describeOnGpu('waiting for Dawn', () => {
  it('leaves the event loop alone', async () => {
    const backend = await webgpu()
    const map = async (): Promise<undefined> =>
      backend.device
        .createBuffer({ size: 256, usage: bufferUsage.mapRead | bufferUsage.copyTarget })
        .mapAsync(mapModeRead)
    // What it asks for the device itself has had its turn.
    await new Promise((turn) => setTimeout(turn))
    const turns = vi.fn(setImmediate)
    vi.stubGlobal('setImmediate', turns)
    await map()
    // This is how Dawn waits. Should it have become better, there is nothing left to do here.
    expect(turns).toHaveBeenCalled()
    turns.mockClear()
    await new Waiting(0).for(map)
    expect(turns).not.toHaveBeenCalled()
    backend.dispose()
  })
})
