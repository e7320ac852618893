import { afterEach, expect, test, vi } from 'vitest'
import type { Player } from '../player.ts'
import { onnxruntimePlayers } from './onnxruntime.ts'
import { torchPlayers } from './torch.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

/** What the only player says of any work. */
async function reasonOf(players: readonly Player[]): Promise<unknown> {
  expect(players).toHaveLength(1)
  return (await players[0]!.enter({ kind: 'matmul', size: 2 }))[0]
}

test('a PyTorch that is not there says what is missing', async () => {
  vi.stubEnv('NABLA_BENCH_PYTHON', '')
  expect(await reasonOf(await torchPlayers(2))).toEqual({
    name: 'PyTorch',
    reason: 'set NABLA_BENCH_PYTHON to a Python that can import torch to compare with it',
  })
})

test('a Python that does not start, or that ends, says why', async () => {
  vi.stubEnv('NABLA_BENCH_PYTHON', '/nowhere/python')
  expect(await reasonOf(await torchPlayers(2))).toMatchObject({
    reason: expect.stringContaining('ENOENT'),
  })
  // Node is no Python: it ends with an error in the first line.
  vi.stubEnv('NABLA_BENCH_PYTHON', process.execPath)
  expect(await reasonOf(await torchPlayers(2))).toMatchObject({
    reason: expect.stringContaining('the Python of NABLA_BENCH_PYTHON ended'),
  })
})

test('an onnxruntime that is not there says how to get it', async () => {
  vi.stubEnv('NABLA_BENCH_PEERS', '')
  const advice = 'npm install --prefix FOLDER onnxruntime-node@1.30.0, and NABLA_BENCH_PEERS=FOLDER'
  expect(await reasonOf(await onnxruntimePlayers(2))).toEqual({
    name: 'onnxruntime',
    reason: `not installed: ${advice}`,
  })
  vi.stubEnv('NABLA_BENCH_PEERS', '/nowhere')
  expect(await reasonOf(await onnxruntimePlayers(2))).toMatchObject({
    reason: `/nowhere has no onnxruntime-node: ${advice}`,
  })
})
