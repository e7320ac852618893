/** Our CUDA device among the contenders. */
import { type CudaBackend, cuda, describe } from '@nablajs/backend-cuda-node'
import { setDevice } from '@nablajs/tensor'
import type { RemoteContender } from '../measure.ts'
import { makers } from '../peers/ours.ts'
import { absent, type Player, type Skip } from '../player.ts'
import { prepare, type Task } from '../tasks.ts'
import { queued } from './queued.ts'

const name = 'nabla cuda'

/** Op by op, or a recorded graph. */
type Way = 'eager' | 'graph'

/** What runs again and again, and what has to end with it. */
async function open(device: CudaBackend, task: Task, way: Way): Promise<RemoteContender | string> {
  setDevice(device)
  const made = await prepare(
    makers(() => {}),
    task,
  )
  if (typeof made === 'string') return made
  const graph = way === 'graph' ? device.capture(() => made.run()) : undefined
  let peakBytes = 0
  const takeTurn = await queued({
    run: graph ? () => graph.replay() : () => made.run(),
    wait: () => device.sync(),
    host: task.kind === 'additions' && task.host === true,
  })
  return {
    name: way === 'graph' ? `${name}, graph` : name,
    version: '',
    ready: () => setDevice(device),
    async turn(ms) {
      device.resetPeak()
      const times = await takeTurn(ms)
      peakBytes = Math.max(peakBytes, device.memory().peakBytes)
      return times
    },
    // What a graph computes with is its own, and no buffer of anybody.
    peakBytes: () => (graph ? undefined : peakBytes),
    dispose() {
      graph?.dispose()
      made.dispose?.()
      device.dispose()
    },
  }
}

const precisionOf = (task: Task): string | undefined =>
  task.kind === 'matmul' || task.kind === 'training' ? task.precision : undefined

async function enter(task: Task, way: Way, version: string): Promise<RemoteContender | Skip> {
  const who = way === 'graph' ? `${name}, graph` : name
  let device: CudaBackend | undefined
  try {
    device = await cuda({ allowTF32: precisionOf(task) === 'tf32' })
    const made = await open(device, task, way)
    if (typeof made !== 'string') return { ...made, version }
    device.dispose()
    return { name: who, reason: made }
  } catch (error) {
    // A GPU that has no room for this work may have it for the next.
    device?.dispose()
    return { name: who, reason: `failed: ${(error as Error).message}` }
  }
}

/**
 * Each work has a device of its own, which gives its memory back when the work is done: what a work
 * takes at most is counted, and the others find the GPU empty. A work that fails is a skip that says why.
 */
export function cudaPlayer(version: string): Player {
  const { problem } = describe()
  if (problem !== undefined) return absent(name, problem)
  return {
    name,
    async enter(task) {
      const ways: Way[] = task.kind === 'training' && task.replay ? ['eager', 'graph'] : ['eager']
      const entries: (RemoteContender | Skip)[] = []
      for (const way of ways) entries.push(await enter(task, way, version))
      return entries
    },
  }
}
