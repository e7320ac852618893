import { expect, test } from 'vitest'
import { type Job, plan } from './plan.ts'
import type { Side } from './tile.ts'

const wide: Side = { load: 'wide', along: 'lane' }
const deep: Side = { load: 'deep', along: 'depth' }
const gpu = { software: false, subgroupMinSize: 0 }
const job = ([rows, columns, depth, batch]: readonly number[], b = wide): Job => ({
  ...{ rows: rows!, columns: columns!, depth: depth!, batch: batch! },
  ...{ a: deep, b },
})

test.each([
  ['many rows and columns', [4096, 4096, 1024, 1], { tile: 'large', splits: 1 }],
  ['few columns', [50_000, 16, 150, 1], { tile: 'narrow', splits: 1 }],
  ['two columns', [50_000, 2, 150, 1], { tile: 'thin', splits: 1 }],
  ['a small product', [40, 40, 64, 1], { tile: 'small', splits: 1 }],
  ['a deep one', [40, 40, 4096, 1], { tile: 'small', splits: 16 }],
  ['a deep one, many times', [40, 40, 4096, 256], { tile: 'medium', splits: 1 }],
] as const)('tiles for %s', (_, sizes, expected) => {
  expect(plan(job(sizes), gpu)).toEqual({ kind: 'tile', ...expected })
})

test('threads of their own for few short sums, and for a column of them', () => {
  expect(plan(job([7, 6, 30, 50]), gpu)).toEqual({ kind: 'dots' })
  expect(plan(job([50_000, 1, 150, 1]), gpu)).toEqual({ kind: 'dots' })
})

test('strips for few rows: along the depth where b is dense there, else along the columns', () => {
  const block = { rows: 1, quads: 1 }
  const columns = { kind: 'strip', block, deep: 8, lanes: 1 }
  expect(plan(job([1, 100_000, 200, 1]), gpu)).toEqual({ ...columns, splits: 1 })
  expect(plan(job([1, 1000, 4096, 1]), gpu)).toEqual({ ...columns, splits: 8 })
  const depth = { kind: 'strip', block, deep: 32, splits: 1 }
  expect(plan(job([1, 4000, 4096, 1], deep), gpu)).toEqual({ ...depth, lanes: 1 })
})

test('strips are no deeper than the sums; without depth to share they are blocks', () => {
  const strip = { kind: 'strip', block: { rows: 2, quads: 1 }, lanes: 1, splits: 1 }
  expect(plan(job([2, 1000, 40, 1], deep), gpu)).toEqual({ ...strip, deep: 4 })
  const block = { kind: 'block', shared: false, splits: 1 }
  expect(plan(job([2, 1000, 12, 1]), gpu)).toEqual({ ...block, block: { rows: 2, quads: 1 } })
  expect(plan(job([5, 1000, 40, 1]), gpu)).toEqual({ ...block, block: { rows: 8, quads: 1 } })
})

test.each([
  [0, 1],
  [4, 4],
  [8, 8],
  [32, 32],
  [64, 32],
])('strips add up in subgroups of %i by %i lanes', (subgroupMinSize, lanes) => {
  const device = { software: false, subgroupMinSize }
  expect(plan(job([3, 4000, 4096, 1], deep), device)).toMatchObject({ kind: 'strip', lanes })
  // Many sums would be many shuffles.
  expect(plan(job([8, 4000, 4096, 1], deep), device)).toMatchObject({ kind: 'strip', lanes: 1 })
})

test('blocks on software GPUs, larger ones where quads share rows', () => {
  const software = { software: true, subgroupMinSize: 0 }
  const large = { kind: 'block', block: { rows: 16, quads: 2 }, splits: 1 }
  expect(plan(job([4096, 4096, 1024, 1]), software)).toEqual({ ...large, shared: false })
  const quads = { ...software, subgroupMinSize: 4 }
  expect(plan(job([4096, 4096, 1024, 1]), quads)).toEqual({ ...large, shared: true })
  expect(plan(job([1, 4096, 1024, 1]), quads)).toMatchObject({ block: { rows: 1 }, shared: false })
  expect(plan(job([20, 20, 4096, 1]), software)).toMatchObject({ kind: 'block', splits: 14 })
})

test('no block for a software GPU has more loads than it compiles in a second', () => {
  const single: Side = { load: 'single', along: 'depth' }
  for (const subgroupMinSize of [0, 4])
    for (const columns of [8, 16, 64]) {
      const image: Job = { rows: 2048, columns, depth: 9, batch: 1, a: single, b: wide }
      const chosen = plan(image, { software: true, subgroupMinSize })
      if (chosen.kind !== 'block') throw new Error(chosen.kind)
      const { block, shared } = chosen
      const loads = (4 * block.rows) / (shared ? 4 : 1) + 4 * block.quads
      expect(loads).toBeLessThanOrEqual(32)
    }
})
