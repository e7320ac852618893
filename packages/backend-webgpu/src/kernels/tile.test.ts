import { expect, test } from 'vitest'
import { plan, tiles } from './tile.ts'

test.each([
  ['many rows and columns', [4096, 4096, 1024, 1], { tile: 'large', splits: 1 }],
  ['few columns', [50_000, 16, 150, 1], { tile: 'narrow', splits: 1 }],
  ['one column', [50_000, 1, 150, 1], { tile: 'thin', splits: 1 }],
  ['one row', [1, 100_000, 200, 1], { tile: 'flat', splits: 1 }],
  ['a small product', [40, 40, 64, 1], { tile: 'small', splits: 1 }],
  ['a deep one', [40, 40, 4096, 1], { tile: 'small', splits: 16 }],
  ['a deep one, many times', [40, 40, 4096, 256], { tile: 'medium', splits: 1 }],
] as const)('%s', (_, [rows, columns, depth, batch], expected) => {
  expect(plan(rows, columns, depth, batch)).toEqual(expected)
})

test('a software GPU has few threads to a tile, and few parts', () => {
  expect(plan(4096, 4096, 1024, 1)).toEqual({ tile: 'large', splits: 1 })
  expect(plan(4096, 4096, 1024, 1, true)).toEqual({ tile: 'small', splits: 1 })
  expect(plan(40, 40, 4096, 1, true).splits).toBeLessThan(plan(40, 40, 4096, 1).splits)
})

test.each(Object.entries(tiles))('%s fits the memory and threads of every device', (_, tile) => {
  const { down, across, rows, depth } = tile
  expect(down * across).toBeLessThanOrEqual(256)
  expect((down * rows + across * 4) * (depth / 4 + 1) * 16).toBeLessThanOrEqual(16384)
})
