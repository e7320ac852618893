/** Builds the shared library with g++, once for each state of its sources. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prototypes } from './prototypes.ts'

const sources = join(import.meta.dirname, 'native')

/** The library, or why there is none. */
export type Built = { readonly library: string } | { readonly missing: string }

/** What the build uses. */
export interface BuildOptions {
  /** Where the library and the compiled kernels are kept. */
  readonly cache: string
  /** The C++ compiler. */
  readonly compiler: string
}

/** A folder for results that belongs to this user alone. */
export function defaultCache(): string {
  return join(tmpdir(), `nabla-cuda-emulator-${process.getuid?.() ?? 'user'}`)
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

function hashOf(parts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${part.length}:${part}`)
  return hash.digest('hex').slice(0, 24)
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

/** Holds a folder as a lock while it builds; another process that builds the same is waited for. */
function withLock(lock: string, done: () => boolean, build: () => void): void {
  const stale = 10 * 60_000
  while (!done()) {
    try {
      mkdirSync(lock)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const made = statSync(lock, { throwIfNoEntry: false })
      // A builder that was killed left its lock behind.
      if (made && Date.now() - made.mtimeMs > stale) rmSync(lock, { recursive: true, force: true })
      sleep(100)
      continue
    }
    try {
      if (!done()) build()
    } finally {
      rmSync(lock, { recursive: true, force: true })
    }
  }
}

/** Names and contents of files, as one list to hash. */
function textsOf(files: readonly string[]): string[] {
  return files.flatMap((file) => [file, readFileSync(file, 'utf8')])
}

function compile(options: BuildOptions, header: string, kernelHash: string, target: string): void {
  const { cache, compiler } = options
  const work = mkdtempSync(join(cache, 'build-'))
  try {
    writeFileSync(join(work, 'prototypes.h'), header)
    const define = (name: string, value: string) => `-D${name}=${JSON.stringify(value)}`
    const files = filesUnder(sources).filter((file) => file.endsWith('.cpp'))
    const flags = ['-std=c++17', '-fPIC', '-fvisibility=hidden', '-ffp-contract=off', '-Wall']
    const flagged = [
      ...flags,
      '-Wextra',
      '-Werror',
      `-I${work}`,
      `-I${sources}`,
      define('NABLA_EMU_COMPILER', compiler),
      define('NABLA_EMU_DEVICE', join(sources, 'device')),
      define('NABLA_EMU_CACHE', join(cache, 'kernels')),
      define('NABLA_EMU_HASH', kernelHash),
    ]
    const objects = files.map((file, i) => {
      const object = join(work, `${i}.o`)
      run(compiler, [
        ...flagged,
        /(blas|cudnn_convolution)\.cpp$/.test(file) ? '-O3' : '-O2',
        '-c',
        file,
        '-o',
        object,
      ])
      return object
    })
    const library = join(work, 'libnabla-cuda.so')
    run(compiler, ['-shared', ...objects, '-ldl', '-lpthread', '-o', library])
    renameSync(library, target)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function run(compiler: string, args: readonly string[]): void {
  const { error, status, stderr } = spawnSync(compiler, args, { encoding: 'utf8' })
  if (error || status !== 0)
    throw new Error(`cuda-emulator: ${compiler} ${args.join(' ')}\n${error?.message ?? stderr}`)
}

/** The path of the library, built if its sources, the compiler or the table have changed. */
export function build(options: BuildOptions): Built {
  const { cache, compiler } = options
  if (process.platform !== 'linux')
    return { missing: `the CUDA emulator runs on Linux, this is ${process.platform}` }
  const version = spawnSync(compiler, ['--version'], { encoding: 'utf8' })
  if (version.error || version.status !== 0)
    return { missing: `the CUDA emulator is built by ${compiler}, which could not be run` }
  mkdirSync(join(cache, 'kernels'), { recursive: true, mode: 0o700 })
  // What lies there is run: in a folder that all may write to, its name may be taken by someone else.
  if (process.getuid && statSync(cache).uid !== process.getuid())
    throw new Error(
      `cuda-emulator: ${cache} belongs to another user; name a folder of yours (cache)`,
    )
  const header = prototypes()
  const hash = hashOf([version.stdout, compiler, cache, header, ...textsOf(filesUnder(sources))])
  const library = join(cache, `libnabla-cuda-${hash}.so`)
  // What compiled kernels depend on; the rest of the emulator may change without compiling them again.
  const ofKernels = [join(sources, 'source.cpp'), ...filesUnder(join(sources, 'device'))]
  const kernelHash = hashOf([version.stdout, ...textsOf(ofKernels)])
  withLock(
    `${library}.lock`,
    () => existsSync(library),
    () => compile(options, header, kernelHash, library),
  )
  return { library }
}
