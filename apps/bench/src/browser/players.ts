/** Everybody who can take part in a page. */
import { cpu } from '@nablajs/backend-cpu'
import { webgpu } from '@nablajs/backend-webgpu'
import { setDevice } from '@nablajs/tensor'
import manifest from '@nablajs/tensor/package.json' with { type: 'json' }
import wasmUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url'
import simdUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url'
import threadedUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url'
import { countGpu } from '../gpu/counts.ts'
import { makers } from '../peers/ours.ts'
import { absent, localPlayer, type Player } from '../player.ts'

/** Given by Vite. */
declare const JAX_JS_VERSION: string

async function webgpuPlayer(): Promise<Player> {
  const name = 'nabla webgpu'
  try {
    const device = await webgpu()
    const ours = makers(() => device.sync())
    return {
      ...localPlayer(name, manifest.version, ours, () => setDevice(device), countGpu),
      close: () => device.dispose(),
    }
  } catch (error) {
    return absent(name, (error as Error).message)
  }
}

/** Ours: WebAssembly with one thread and with all, or WebGPU. */
export async function openSubjects(
  backends: readonly string[],
  threads: number,
): Promise<Player[]> {
  const players: Player[] = []
  if (backends.includes('webgpu')) players.push(await webgpuPlayer())
  if (!backends.includes('cpu')) return players
  for (const count of new Set([1, threads])) {
    const device = await cpu({ threads: count })
    const name = `nabla cpu, ${count} thread${count === 1 ? '' : 's'}`
    const ours = makers(() => {})
    players.push({
      ...localPlayer(name, manifest.version, ours, () => setDevice(device)),
      close: () => device.dispose(),
    })
  }
  return players
}

/** Where we are, those are too who have several devices. */
interface Field {
  readonly onCpu: boolean
  readonly onWebgpu: boolean
  readonly threads: number
}

/** By their names in `--peers`. */
const libraries: Readonly<Record<string, (field: Field) => Promise<Player[]>>> = {
  tfjs: async ({ onCpu, onWebgpu }) => {
    const { tfjsCpu, tfjsWebgpu } = await import('../peers/tfjs.ts')
    return [...(onCpu ? [tfjsCpu()] : []), ...(onWebgpu ? [await tfjsWebgpu()] : [])]
  },
  'tfjs-wasm': async ({ threads }) => [
    await (await import('../peers/tfjs.ts')).tfjsWasm(
      {
        'tfjs-backend-wasm.wasm': wasmUrl,
        'tfjs-backend-wasm-simd.wasm': simdUrl,
        'tfjs-backend-wasm-threaded-simd.wasm': threadedUrl,
      },
      threads,
    ),
  ],
  'jax-js': async ({ onCpu, onWebgpu }) => {
    const { jaxJs } = await import('../peers/jax-js.ts')
    return [
      ...(onCpu ? [await jaxJs(JAX_JS_VERSION, 'wasm')] : []),
      ...(onWebgpu ? [await jaxJs(JAX_JS_VERSION, 'webgpu')] : []),
    ]
  },
  onnxruntime: async () => [absent('onnxruntime', 'onnxruntime-node runs in Node alone')],
  torch: async () => [absent('PyTorch', 'it does not run in a page')],
}

export const peerNames = Object.keys(libraries)

/** The other libraries; one that does not load says why in every work. */
export async function openPeers(
  names: readonly string[],
  backends: readonly string[],
  threads: number,
): Promise<Player[]> {
  const players: Player[] = []
  const field = {
    onCpu: backends.includes('cpu'),
    onWebgpu: backends.includes('webgpu'),
    threads,
  }
  for (const name of names)
    try {
      players.push(...(await libraries[name]!(field)))
    } catch (error) {
      players.push(absent(name, (error as Error).message))
    }
  return players
}
