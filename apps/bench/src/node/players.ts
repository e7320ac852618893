/** Everybody who can take part in Node. */

import { createRequire } from 'node:module'
import { dirname, sep } from 'node:path'
import { cpu } from '@nablajs/backend-cpu'
import { type Backend, setDevice } from '@nablajs/tensor'
import manifest from '@nablajs/tensor/package.json' with { type: 'json' }
import { countGpu } from '../gpu/counts.ts'
import { makers } from '../peers/ours.ts'
import { absent, localPlayer, type Player } from '../player.ts'
import type { BackendName } from '../suite.ts'
import { manifestOf } from './manifest.ts'
import type { PeerName } from './options.ts'

const require = createRequire(import.meta.url)

function subject(name: string, device: Backend, version: string = manifest.version): Player {
  // What the CPU does is done when the call comes back; the others queue it.
  const sync = device.name === 'cpu' ? () => {} : () => device.sync()
  return {
    ...localPlayer(
      name,
      version,
      makers(sync),
      () => setDevice(device),
      device.name === 'webgpu' ? countGpu : undefined,
    ),
    close: () => device.dispose(),
  }
}

/** A GPU, or why there is none. */
async function gpuPlayers(name: string, open: () => Promise<Backend>): Promise<Player[]> {
  try {
    return [subject(name, await open())]
  } catch (error) {
    return [absent(name, (error as Error).message)]
  }
}

const threadsOf = (count: number): string => `${count} thread${count === 1 ? '' : 's'}`

/** WebAssembly alone, and where there are libraries of the system with those. */
async function cpuPlayers(threads: number): Promise<Player[]> {
  const counts = [...new Set([1, threads])]
  const players: Player[] = []
  for (const count of counts) {
    const device = await cpu({ threads: count, blas: false, oneDnn: false })
    players.push(subject(`nabla cpu, ${threadsOf(count)}`, device))
  }
  for (const count of counts) {
    const device = await cpu({ threads: count })
    const { blas, oneDnn } = device.describe()
    const found = [blas, oneDnn].filter((library) => typeof library !== 'string')
    const name = `nabla cpu, ${threadsOf(count)}, BLAS`
    if (found.length > 0) {
      const libraries = found.map((library) => `${library.name} ${library.version}`).join(', ')
      players.push(subject(name, device, `${manifest.version} (${libraries})`))
    } else {
      device.dispose()
      players.push(absent(name, `${blas}`))
    }
  }
  return players
}

const devices: Record<BackendName, (threads: number) => Promise<Player[]>> = {
  cpu: cpuPlayers,
  webgpu: () =>
    gpuPlayers('nabla webgpu', async () => (await import('@nablajs/backend-webgpu')).webgpu()),
  cuda: async () => [(await import('../cuda/player.ts')).cudaPlayer(manifest.version)],
}

/** Where those play who are on the processor and on a GPU: where we are. */
interface Field {
  readonly onCpu: boolean
  readonly onWebgpu: boolean
  readonly onCuda: boolean
  readonly threads: number
}

const libraries: Record<PeerName, (field: Field) => Promise<Player[]>> = {
  tfjs: async ({ onCpu, onWebgpu }) => {
    const { tfjsCpu, tfjsWebgpu } = await import('../peers/tfjs.ts')
    return [...(onCpu ? [tfjsCpu()] : []), ...(onWebgpu ? [await tfjsWebgpu()] : [])]
  },
  'tfjs-wasm': async ({ onCpu, onWebgpu, threads }) => {
    if (!(onCpu || onWebgpu)) return []
    const { tfjsWasm } = await import('../peers/tfjs.ts')
    const folder = dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))
    return [await tfjsWasm(folder + sep, threads)]
  },
  'jax-js': async ({ onCpu, onWebgpu }) => {
    const { version } = manifestOf('@jax-js/jax')
    const { jaxJs } = await import('../peers/jax-js.ts')
    return [
      ...(onCpu ? [await jaxJs(version, 'wasm')] : []),
      ...(onWebgpu ? [await jaxJs(version, 'webgpu')] : []),
    ]
  },
  onnxruntime: async ({ onCpu, onWebgpu, threads }) =>
    onCpu || onWebgpu ? (await import('../peers/onnxruntime.ts')).onnxruntimePlayers(threads) : [],
  torch: async ({ onCpu, onWebgpu, onCuda, threads }) => {
    const { torchCudaPlayers, torchPlayers } = await import('../peers/torch.ts')
    return [
      ...(onCpu || onWebgpu ? await torchPlayers(threads) : []),
      ...(onCuda ? await torchCudaPlayers() : []),
    ]
  },
}

/** Our devices, one player for each number of threads and way to multiply. */
export async function openSubjects(
  names: readonly BackendName[],
  threads: number,
): Promise<Player[]> {
  const opened = await Promise.all(names.map((name) => devices[name](threads)))
  return opened.flat()
}

/** The other libraries, on our devices where they have several; one that does not load says why in every work. */
export async function openPeers(
  names: readonly PeerName[],
  backends: readonly BackendName[],
  threads: number,
): Promise<Player[]> {
  const players: Player[] = []
  const field = {
    onCpu: backends.includes('cpu'),
    onWebgpu: backends.includes('webgpu'),
    onCuda: backends.includes('cuda'),
    threads,
  }
  for (const name of names)
    try {
      players.push(...(await libraries[name](field)))
    } catch (error) {
      players.push(absent(name, (error as Error).message))
    }
  return players
}
