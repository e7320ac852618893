/** NVIDIA's own compilers, where there are any: what the emulator compiles must be CUDA C for them too. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileFor, describe } from '@nablajs/backend-cuda-node'

/** A compiler for GPUs. */
export interface RealCompiler {
  /** What it is, with its version. */
  readonly name: string
  /** Its complaints about a source; nothing when it compiles. */
  complaints(source: string, architecture: number): string
}

/** NVRTC, or nvcc; undefined where there is neither. `env` must not name the emulator's. */
export function realCompiler(env: Readonly<NodeJS.ProcessEnv>): RealCompiler | undefined {
  const { nvrtc } = describe(env).libraries
  if (typeof nvrtc !== 'string')
    return {
      name: `NVRTC ${nvrtc.version} of ${nvrtc.path}`,
      complaints(source, architecture) {
        try {
          compileFor(architecture, source, 'kernels', env)
          return ''
        } catch (error) {
          return (error as Error).message
        }
      },
    }
  const roots = [env['CUDA_HOME'], env['CUDA_PATH'], '/usr/local/cuda']
  const nvcc = [...roots.map((root) => root && join(root, 'bin', 'nvcc')), 'nvcc'].find(
    (path) => path && (path === 'nvcc' || existsSync(path)),
  )!
  const version = spawnSync(nvcc, ['--version'], { encoding: 'utf8' })
  if (version.status !== 0) return undefined
  return {
    name: version.stdout.match(/release [\d.]+, V[\d.]+/)?.[0] ?? nvcc,
    complaints(source, architecture) {
      const folder = mkdtempSync(join(tmpdir(), 'nabla-nvcc-'))
      try {
        const file = join(folder, 'kernels.cu')
        writeFileSync(file, source)
        const flags = ['-cubin', '-std=c++17', '--fmad=false', '-w', `-arch=sm_${architecture}`]
        const { status, stderr } = spawnSync(
          nvcc,
          [...flags, '-o', join(folder, 'kernels.cubin'), file],
          { encoding: 'utf8' },
        )
        return status === 0 ? '' : stderr || `${nvcc} ended with ${status}`
      } finally {
        rmSync(folder, { recursive: true })
      }
    },
  }
}

/** Many sources as one, each in a namespace; the names of kernels stay apart by a number. */
export function joined(sources: readonly string[]): string {
  return sources
    .map(
      (source, i) =>
        `namespace n${i} {\n${source.replaceAll(/(extern "C" __global__ void (?:__launch_bounds__\([^)]*\) )?)/g, `$1n${i}_`)}\n}\n`,
    )
    .join('')
}

/** Remembers what has compiled already, from run to run. */
export class Remembered {
  readonly #file: string
  readonly #known: Set<string>

  constructor(compiler: string) {
    const folder = join(tmpdir(), `nabla-cuda-compiled-${process.getuid?.() ?? 'user'}`)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.#file = join(folder, `${digest(compiler)}.txt`)
    this.#known = new Set(
      existsSync(this.#file) ? readFileSync(this.#file, 'utf8').split('\n') : [],
    )
  }
  has(source: string, architecture: number): boolean {
    return this.#known.has(`${architecture} ${digest(source)}`)
  }
  add(sources: readonly string[], architecture: number): void {
    for (const source of sources) this.#known.add(`${architecture} ${digest(source)}`)
    writeFileSync(this.#file, [...this.#known].join('\n'))
  }
}

const digest = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 24)
