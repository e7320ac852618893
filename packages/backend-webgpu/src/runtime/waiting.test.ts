import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { describeOnGpu } from '../../test/gpu.ts'
import { webgpu } from '../open.ts'
import { bufferUsage, mapModeRead } from './constants.ts'
import { Waiting } from './waiting.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('waiting', () => {
  let turns: (() => void)[]
  let timers: { run: () => void; ms: number }[]
  let now: number

  beforeEach(() => {
    turns = []
    timers = []
    now = 0
    vi.stubGlobal('setImmediate', (run: () => void) => turns.push(run))
    vi.stubGlobal('setTimeout', (run: () => void, ms: number) => timers.push({ run, ms }))
    vi.stubGlobal('performance', { now: () => now })
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
    const waited = new Waiting(10).for(() => begin(5))
    turns.shift()!()
    now = 9
    turns.shift()!()
    now = 10
    turns.shift()!()
    expect(turns).toHaveLength(0)
    expect(timers).toMatchObject([{ ms: 1 }])
    timers.shift()!.run()
    expect(timers).toMatchObject([{ ms: 1 }])
    timers.shift()!.run()
    await waited
    expect([...turns, ...timers]).toHaveLength(0)
  })

  it('asks in every turn again after a wait has ended', async () => {
    const waiting = new Waiting(10)
    const first = waiting.for(() => begin(2))
    const second = waiting.for(() => begin(4))
    now = 20
    for (const run of turns.splice(0)) run()
    expect(timers).toHaveLength(2)
    timers.shift()!.run()
    await first
    timers.shift()!.run()
    expect(timers).toHaveLength(0)
    turns.shift()!()
    turns.shift()!()
    await second
  })

  it('puts setImmediate back at once', async () => {
    const { setImmediate } = globalThis
    const waiting = new Waiting(0)
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
  })

  it('lets others wait as always once nothing of its own is open', async () => {
    const waiting = new Waiting(0)
    let other: Promise<void> | undefined
    await waiting.for(async () => {
      // Somebody else's wait that Dawn takes along.
      other = begin(3)
    })
    timers.shift()!.run()
    turns.shift()!()
    turns.shift()!()
    await other
    expect(timers).toHaveLength(0)
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
