import { expect, test } from 'vitest'
import { measureFloors } from './floors.ts'

test('the loops assemble, run and take time', async () => {
  const { flops, bandwidth } = await measureFloors()
  // Between a pocket calculator and a supercomputer: a loop that is skipped or wrong is outside.
  expect(flops).toBeGreaterThan(1e8)
  expect(flops).toBeLessThan(1e12)
  expect(bandwidth).toBeGreaterThan(1e8)
  expect(bandwidth).toBeLessThan(1e12)
})
