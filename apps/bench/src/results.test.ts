import { expect, test } from 'vitest'
import type { Timing } from './measure.ts'
import { type Comparison, rowsOf } from './results.ts'

const timing = (name: string, ...turns: number[]): Timing => ({
  name,
  version: `${name} 1`,
  ms: turns[0]!,
  turns,
})

const comparison: Comparison = {
  suite: 'ops',
  name: 'a work',
  note: '',
  subjects: [timing('one', 2, 4), timing('two', 1, 1)],
  peers: [timing('other', 8, 8)],
  skips: [{ name: 'missing', reason: 'it is not there' }],
}

test('one row for each of ours and each peer, with these keys', () => {
  const rows = rowsOf({ comparisons: [comparison], machine: 'here' })
  expect(rows).toEqual([
    {
      work: 'a work',
      subject: 'one',
      peer: 'other',
      ms: 2,
      peerMs: 8,
      ratio: 3,
      versions: { one: 'one 1', other: 'other 1' },
      machine: 'here',
    },
    {
      work: 'a work',
      subject: 'two',
      peer: 'other',
      ms: 1,
      peerMs: 8,
      ratio: 8,
      versions: { two: 'two 1', other: 'other 1' },
      machine: 'here',
    },
  ])
})

test('a row has the counts of those who use a GPU', () => {
  const gpu = { dispatches: 3, submissions: 1, uploadedBytes: 64, allocatedBytes: 0 }
  const counted = { ...comparison, peers: [{ ...timing('other', 8, 8), gpu }] }
  expect(rowsOf({ comparisons: [counted], machine: '' }).map((row) => row.gpu)).toEqual([
    { other: gpu },
    { other: gpu },
  ])
})
