import { expect, test } from 'vitest'
import { absent, localPlayer, type Player } from './player.ts'
import { run, smaller } from './run.ts'
import type { Suite } from './suite.ts'
import type { Makers } from './tasks.ts'

const log: string[] = []

/** Does additions alone. */
function player(name: string): Player {
  const cannot = `${name} cannot`
  const makers: Makers = {
    matmul: cannot,
    conv2d: cannot,
    elementwise: cannot,
    reduction: ({ axis }) => `no axis ${axis}`,
    softmax: cannot,
    layerNorm: cannot,
    batchNorm: cannot,
    training: cannot,
    inference: cannot,
    loading: cannot,
    optimizer: cannot,
    additions: ({ count }) => ({
      run: () => log.push(`${name} ${count}`),
      dispose: () => log.push(`${name} disposed`),
    }),
  }
  return localPlayer(name, '1', makers, () => log.push(`${name} selected`))
}

const suite: Suite = {
  name: 'suite',
  about: '',
  works: [
    { name: 'add', note: '', task: { kind: 'additions', count: 3, recorded: false, walk: false } },
    { name: 'sum', note: '', task: { kind: 'reduction', rows: 1, columns: 1, axis: 1 } },
    { name: 'product', note: '', task: { kind: 'matmul', size: 4 } },
  ],
}

test('those who can do a work are timed, the others say why not', async () => {
  const field = { subjects: [player('ours')], peers: [player('theirs'), absent('lost', 'gone')] }
  const seen: string[] = []
  const [add, sum, product] = await run([suite], field, { rounds: 2, turn: 1 }, ({ name }) =>
    seen.push(name),
  )
  expect(seen).toEqual(['add', 'sum', 'product'])
  expect(add!.subjects.map(({ name }) => name)).toEqual(['ours'])
  expect(add!.peers.map(({ name }) => name)).toEqual(['theirs'])
  expect(add!.skips).toEqual([{ name: 'lost', reason: 'gone' }])
  expect(sum!.skips[0]).toEqual({ name: 'ours', reason: 'no axis 1' })
  expect(product!.skips[1]).toEqual({ name: 'theirs', reason: 'theirs cannot' })
  // Each on its own device when it runs and when it lets go.
  const changes = log.filter((line, i) => line !== log[i - 1])
  expect(changes.slice(0, 6)).toEqual([
    'ours selected',
    'theirs selected',
    'ours selected',
    'ours 3',
    'theirs selected',
    'theirs 3',
  ])
  expect(changes.slice(-8)).toContain('ours disposed')
  expect(changes).toContain('theirs disposed')
})

test('a peer that fails to get ready is skipped with its error; ours is not', async () => {
  const broken: Player = {
    name: 'broken',
    enter: () => Promise.reject(new Error('out of order')),
  }
  const timing = { rounds: 1, turn: 1 }
  const [add] = await run([suite], { subjects: [player('ours')], peers: [broken] }, timing)
  expect(add!.skips).toEqual([{ name: 'broken', reason: 'failed: out of order' }])
  await expect(run([suite], { subjects: [broken], peers: [] }, timing)).rejects.toThrow(
    'out of order',
  )
})

test('the floor of a stream is the fastest copy on the GPU, whoever does it', async () => {
  const at = (name: string, ms: readonly [number, number]): Player => ({
    name,
    enter: async (task) => {
      const time = ms[task.kind === 'stream' && task.op === 'copy' ? 0 : 1]
      return [{ name, version: '1', turn: async () => [time] }]
    },
  })
  const work = (op: 'copy' | 'gelu') =>
    ({ name: op, note: '', task: { kind: 'stream', op, rows: 1, columns: 1 }, bytes: 1e6 }) as const
  const streams: Suite = { name: 'streams', about: '', works: [work('copy'), work('gelu')] }
  const field = {
    subjects: [at('nabla cuda', [2, 4])],
    peers: [at('PyTorch cuda', [1, 8]), at('PyTorch cpu', [0.5, 1])],
  }
  const found = await run([streams], field, { rounds: 1, turn: 1 })
  expect(found.map(({ floor }) => floor)).toEqual([1e9, 1e9])
})

test('a work that only CUDA is compared on says so', async () => {
  const [entry] = await player('ours').enter({ kind: 'stream', op: 'sum', rows: 1, columns: 1 })
  expect(entry).toEqual({ name: 'ours', reason: 'it is compared on CUDA alone' })
})

test('a software GPU has smaller works, where a suite has some, and their notes say so', () => {
  const small = [{ name: 'less', note: 'one', task: suite.works[0]!.task }]
  expect(smaller({ ...suite, small }).works).toEqual([
    { ...small[0], note: 'one; sizes for a software GPU' },
  ])
  expect(smaller(suite).works).toEqual(suite.works)
})
