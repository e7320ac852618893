import { expect, test } from 'vitest'
import { measure, median } from './measure.ts'

test('the median of an even and an odd number of values', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 3, 2])).toBe(2.5)
})

test('ratios are those to the first contender, and contenders take turns', async () => {
  const turns: string[] = []
  const work = (name: string, loops: number) => ({
    name,
    version: '1',
    run() {
      if (turns.at(-1) !== name) turns.push(name)
      let sum = 0
      for (let i = 0; i < loops; i++) sum += Math.sin(i)
      return sum
    },
  })
  const [a, b] = await measure([work('a', 2_000), work('b', 40_000)], { rounds: 3, turn: 5 })
  expect(a!.ratio).toBe(1)
  expect(b!.ratio).toBeGreaterThan(1)
  expect(b!.ms).toBeGreaterThan(0)
  expect(turns.join('')).toBe('abababab')
})
