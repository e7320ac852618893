import { expect, test } from 'vitest'
import { measure, median, ratioOf, type Timing } from './measure.ts'

test('the median of an even and an odd number of values', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 3, 2])).toBe(2.5)
})

/** A contender that notes its turns and is busy for a while. */
const worker = (turns: string[], name: string, loops: number) => ({
  name,
  version: '1',
  run() {
    if (turns.at(-1) !== name) turns.push(name)
    let sum = 0
    for (let i = 0; i < loops; i++) sum += Math.sin(i)
    return sum
  },
})

test('contenders take turns, and the one with more to do takes longer', async () => {
  const turns: string[] = []
  const [a, b] = await measure([worker(turns, 'a', 2_000), worker(turns, 'b', 40_000)], {
    rounds: 3,
    turn: 5,
  })
  expect(turns.join('')).toBe('abababab')
  expect(a!.turns).toHaveLength(3)
  expect(a!.ms).toBeGreaterThan(0)
  expect(ratioOf(a!, a!)).toBe(1)
  expect(ratioOf(a!, b!)).toBeGreaterThan(1)
})

test('one who measures for himself is asked, once at first and then by rounds', async () => {
  const asked: number[] = []
  const [timing] = await measure(
    [
      {
        name: 'remote',
        version: '1',
        turn: async (ms: number) => {
          asked.push(ms)
          return [3, 1, 2]
        },
      },
    ],
    { rounds: 2, turn: 7 },
  )
  expect(asked).toEqual([0, 7, 7])
  expect(timing).toEqual({ name: 'remote', version: '1', ms: 2, turns: [2, 2] })
})

test('the fastest run of all may count', async () => {
  const runs = [[9], [3, 8], [5, 2, 7]]
  const remote = { name: 'remote', version: '1', turn: async () => runs.shift()! }
  const [timing] = await measure([remote], { rounds: 2, turn: 7, fastest: true })
  expect(timing).toMatchObject({ ms: 2, turns: [2] })
  const [local] = await measure([worker([], 'a', 100)], { rounds: 2, turn: 1, fastest: true })
  expect(local!.turns).toEqual([local!.ms])
})

test('the slow sit out all rounds but the first', async () => {
  // The time of the first call counts too: only who is slow every time sits out.
  const [timing] = await measure(
    [
      {
        name: 'slow',
        version: '1',
        turn: () => new Promise<number[]>((done) => setTimeout(() => done([50]), 50)),
      },
    ],
    { rounds: 3, turn: 2 },
  )
  expect(timing!.turns).toEqual([50, null, null])
})

test('a ratio is the median over rounds that both took part in', () => {
  const timing = (...turns: Timing['turns']): Timing => ({ name: '', version: '', ms: 0, turns })
  expect(ratioOf(timing(1, 2, 4), timing(2, 2, 2))).toBe(1)
  expect(ratioOf(timing(1, 2, 4), timing(30, null, null))).toBe(30)
})
