import { expect, test } from 'vitest'
import { tiles } from './tile.ts'

test.each(Object.entries(tiles))('%s fits the memory and threads of every device', (_, tile) => {
  const { down, across, rows, depth } = tile
  expect(down * across).toBeLessThanOrEqual(256)
  expect((down * rows + across * 4) * (depth / 4 + 1) * 16).toBeLessThanOrEqual(16384)
})
