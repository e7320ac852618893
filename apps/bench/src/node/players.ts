/** Everybody who can take part in Node. */

import { createRequire } from 'node:module'
import { dirname, sep } from 'node:path'
import { cpu } from '@nablajs/backend-cpu'
import { type Backend, setDevice } from '@nablajs/tensor'
import manifest from '@nablajs/tensor/package.json' with { type: 'json' }
import { makers } from '../peers/ours.ts'
import { absent, localPlayer, type Player } from '../player.ts'
import { manifestOf } from './manifest.ts'
import type { BackendName, PeerName } from './options.ts'

const require = createRequire(import.meta.url)

function subject(name: string, device: Backend): Player {
  // What the CPU does is done when the call comes back; the others queue it.
  const sync = device.name === 'cpu' ? () => {} : () => device.sync()
  return {
    ...localPlayer(name, manifest.version, makers(sync), () => setDevice(device)),
    close: () => device.dispose(),
  }
}

/** A device of a package that exports a function of its name. */
async function fromPackage(name: string, load: () => Promise<object>): Promise<Player[]> {
  const open = ((await load()) as Record<string, unknown>)[name]
  if (typeof open !== 'function')
    return [absent(`nabla ${name}`, `this version has no ${name}() device`)]
  try {
    return [subject(`nabla ${name}`, (await open()) as Backend)]
  } catch (error) {
    return [absent(`nabla ${name}`, (error as Error).message)]
  }
}

const devices: Record<BackendName, (threads: number) => Promise<Player[]>> = {
  cpu: async () => [subject('nabla cpu, 1 thread', await cpu())],
  webgpu: () => fromPackage('webgpu', () => import('@nablajs/backend-webgpu')),
  cuda: () => fromPackage('cuda', () => import('@nablajs/backend-cuda-node')),
}

const libraries: Record<PeerName, (threads: number) => Promise<Player[]>> = {
  tfjs: async () => [(await import('../peers/tfjs.ts')).tfjsCpu()],
  'tfjs-wasm': async (threads) => {
    const { tfjsWasm } = await import('../peers/tfjs.ts')
    const folder = dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))
    return [await tfjsWasm(folder + sep, threads)]
  },
  'jax-js': async () => {
    const { version } = manifestOf('@jax-js/jax')
    return [await (await import('../peers/jax-js.ts')).jaxJs(version)]
  },
  onnxruntime: async () => [],
  torch: async (threads) => (await import('../peers/torch.ts')).torchPlayers(threads),
}

/** Our devices, one player for each number of threads and way to multiply. */
export async function openSubjects(
  names: readonly BackendName[],
  threads: number,
): Promise<Player[]> {
  const opened = await Promise.all(names.map((name) => devices[name](threads)))
  return opened.flat()
}

/** The other libraries; one that does not load says why in every work. */
export async function openPeers(names: readonly PeerName[], threads: number): Promise<Player[]> {
  const players: Player[] = []
  for (const name of names)
    try {
      players.push(...(await libraries[name](threads)))
    } catch (error) {
      players.push(absent(name, (error as Error).message))
    }
  return players
}
