/** The libraries: what they are called, where they may lie, and how they are opened. */
import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, delimiter, dirname, isAbsolute, join } from 'node:path'
import { DeviceError } from '@nablajs/tensor/backend'
import type { LibraryHandle } from 'koffi'
import { type Bound, cTypes, type LibraryDeclaration } from './api/index.ts'
import { ffi } from './ffi.ts'

/** The libraries that this package can use. */
export type LibraryName = 'driver' | 'nvrtc' | 'cublas' | 'cudnn'

interface LibraryFiles {
  /** What it is, for messages. */
  readonly title: string
  /** The environment variable that names its file. */
  readonly variable: string
  readonly linux: readonly string[]
  readonly windows: readonly string[]
  /** Libraries beside it that it opens by name, and would not find by itself. */
  readonly companions: RegExp
  /** What it cannot do without of what it opens by name: it ends the process where that does not load. */
  readonly parts?: { readonly linux: readonly string[]; readonly windows: readonly string[] }
  /** Its folder in Python wheels of CUDA 12; those of CUDA 13 share `nvidia/cu13`. */
  readonly wheel: string
}

/** Names of each library, the newest first. */
export const libraryFiles: Readonly<Record<LibraryName, LibraryFiles>> = {
  driver: {
    title: 'the NVIDIA driver',
    variable: 'NABLA_CUDA_DRIVER',
    linux: ['libcuda.so.1', 'libcuda.so'],
    windows: ['nvcuda.dll'],
    companions: /^$/,
    wheel: '',
  },
  nvrtc: {
    title: 'NVRTC, the CUDA compiler',
    variable: 'NABLA_CUDA_NVRTC',
    linux: ['libnvrtc.so.13', 'libnvrtc.so.12', 'libnvrtc.so'],
    windows: ['nvrtc64_130_0.dll', 'nvrtc64_120_0.dll'],
    companions: /^(libnvrtc-builtins\.so\.\d+\.\d+|nvrtc-builtins64_\d+\.dll)$/,
    wheel: 'cuda_nvrtc',
  },
  cublas: {
    title: 'cuBLAS',
    variable: 'NABLA_CUDA_CUBLAS',
    linux: ['libcublas.so.13', 'libcublas.so.12', 'libcublas.so'],
    windows: ['cublas64_13.dll', 'cublas64_12.dll'],
    companions: /^(libcublasLt\.so\.\d+|cublasLt64_\d+\.dll)$/,
    wheel: 'cublas',
  },
  cudnn: {
    title: 'cuDNN',
    variable: 'NABLA_CUDA_CUDNN',
    linux: ['libcudnn.so.9'],
    windows: ['cudnn64_9.dll'],
    companions: /^(libcudnn_(engines|heuristic)\w*\.so\.9|cudnn_(engines|heuristic)\w*64_9\.dll)$/,
    // Each needs those before it.
    parts: {
      linux: ['libcudnn_graph.so.9', 'libcudnn_ops.so.9', 'libcudnn_cnn.so.9'],
      windows: ['cudnn_graph64_9.dll', 'cudnn_ops64_9.dll', 'cudnn_cnn64_9.dll'],
    },
    wheel: 'cudnn',
  },
}

/** The environment variables that say where to look; `process.env` as a rule. */
export type Environment = Readonly<Record<string, string | undefined>>

/** A library that was opened. */
export interface OpenLibrary {
  /** The file, or the bare name that the system's loader knew. */
  readonly path: string
  readonly handle: LibraryHandle
}

/** What came of the search for a library. */
export interface Search {
  readonly found: OpenLibrary | undefined
  /** Each place and why it was not that, for messages. */
  readonly tried: readonly string[]
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return [] // most of the folders asked for do not exist
  }
}

const isWindows = process.platform === 'win32'

/** The `nvidia` folders of the Python installations at hand. */
function wheelRoots(env: Environment): string[] {
  const prefixes = [env['VIRTUAL_ENV'], env['CONDA_PREFIX'], join(homedir(), '.local')]
  if (!isWindows) prefixes.push('/usr/local', '/usr')
  return prefixes.flatMap((prefix) => {
    if (!prefix) return []
    if (isWindows) return [join(prefix, 'Lib', 'site-packages', 'nvidia')]
    const lib = join(prefix, 'lib')
    return entriesOf(lib)
      .filter((name) => name.startsWith('python3'))
      .flatMap((name) => [
        join(lib, name, 'site-packages', 'nvidia'),
        join(lib, name, 'dist-packages', 'nvidia'),
      ])
  })
}

const listed = (paths: string | undefined): string[] =>
  (paths ?? '').split(delimiter).filter((path) => path !== '')

/** Folders to look in after the system's loader, in order. */
function systemFolders(name: LibraryName, env: Environment): string[] {
  const { wheel } = libraryFiles[name]
  const toolkits = [env['CUDA_PATH'], env['CUDA_HOME']].filter((path) => path !== undefined)
  const parts = isWindows ? [join('bin', 'x64'), 'bin'] : ['lib64', 'lib']
  if (!isWindows) {
    toolkits.push('/usr/local/cuda', join('/', 'opt', 'cuda'))
    const target = process.arch === 'arm64' ? 'sbsa-linux' : 'x86_64-linux'
    parts.push(join('targets', target, 'lib'))
  }
  const folders = toolkits.flatMap((root) => parts.map((part) => join(root, part)))
  if (!isWindows) {
    const triple = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu'
    const system = join('/usr/lib', triple)
    // Also of WSL, of containers, of Jetson boards and of NixOS.
    folders.push(system, '/usr/lib/wsl/lib', '/usr/local/nvidia/lib64', join(system, 'nvidia'))
    folders.push(join(system, 'tegra'), '/run/opengl-driver/lib')
  }
  if (wheel !== '') {
    const bin = isWindows ? 'bin' : 'lib'
    for (const root of wheelRoots(env))
      folders.push(join(root, 'cu13', bin), join(root, wheel, bin))
  }
  return folders
}

/**
 * Libraries that were opened, by path. koffi closes one that nothing refers to any more, and the
 * driver's threads would run into what is no longer there; so they stay as long as the process.
 */
const handles = new Map<string, LibraryHandle>()

function handleOf(path: string, options: { lazy: boolean; global?: boolean }): LibraryHandle {
  const handle = handles.get(path) ?? ffi().load(path, options)
  handles.set(path, handle)
  return handle
}

/** Opens what the library would look for by name, so that it is there when it does. */
function openCompanions(path: string, companions: RegExp): void {
  // A bare name is the loader's to find, with what belongs to it.
  if (!isAbsolute(path)) return
  const folder = dirname(path)
  for (const name of entriesOf(folder))
    if (companions.test(name)) handleOf(join(folder, name), { global: true, lazy: true })
}

/** Why a library did not load. */
const reasonOf = (error: unknown): string =>
  (error as Error).message.replace(/^Failed to load shared library: /, '')

function tryOpen(path: string, files: LibraryFiles): OpenLibrary | string {
  const { parts, companions } = files
  const side = isWindows ? 'windows' : 'linux'
  // Where the loader knows no such library, there is nothing to say of its parts.
  if (!isAbsolute(path))
    try {
      handleOf(path, { lazy: true })
    } catch (error) {
      return reasonOf(error)
    }
  // A library of another name stands in for this one, and is whole.
  if (parts && files[side].includes(basename(path)))
    for (const name of parts[side]) {
      const part = isAbsolute(path) ? join(dirname(path), name) : name
      try {
        handleOf(part, { global: true, lazy: true })
      } catch (error) {
        return `its part ${part} does not load: ${reasonOf(error)}`
      }
    }
  try {
    openCompanions(path, companions)
    return { path, handle: handleOf(path, { lazy: true }) }
  } catch (error) {
    return reasonOf(error)
  }
}

/**
 * Looks for a library: the file that its variable names (and then nowhere else; `off` is none), the folders of
 * `NABLA_CUDA_LIBRARY_PATH`, the system's loader, toolkits and system folders, Python wheels.
 *
 * @param accept Gives the reason why a library that was opened will not do, or undefined.
 */
export function openLibrary(
  name: LibraryName,
  env: Environment,
  accept: (library: OpenLibrary) => string | undefined = () => undefined,
): Search {
  const { variable, linux, windows } = libraryFiles[name]
  const files = isWindows ? windows : linux
  const tried: string[] = []
  const attempt = (path: string, shown: string): OpenLibrary | undefined => {
    const opened = tryOpen(path, libraryFiles[name])
    const refusal = typeof opened === 'string' ? opened : accept(opened)
    if (refusal === undefined) return opened as OpenLibrary
    tried.push(`${shown}: ${refusal}`)
    return undefined
  }
  const named = env[variable]
  if (named === 'off') return { found: undefined, tried: [`${variable} is off`] }
  if (named !== undefined && named !== '')
    return { found: attempt(named, `${variable}=${named}`), tried }

  const inFolders = (folders: readonly string[]): OpenLibrary | undefined => {
    for (const folder of folders) {
      const present = files.map((file) => join(folder, file)).filter((path) => existsSync(path))
      if (present.length === 0 && existsSync(folder)) tried.push(`${folder}: not there`)
      for (const path of present) {
        const found = attempt(path, path)
        if (found) return found
      }
    }
    return undefined
  }
  const own = inFolders(listed(env['NABLA_CUDA_LIBRARY_PATH']))
  if (own) return { found: own, tried }
  for (const file of files) {
    const found = attempt(file, file)
    if (found) return { found, tried }
  }
  return { found: inFolders(systemFolders(name, env)), tried }
}

/** The functions of a library, ready to be called. Throws a DeviceError that lists those it lacks. */
export function bind<L extends LibraryDeclaration>(library: OpenLibrary, declaration: L): Bound<L> {
  const calls: Record<string, unknown> = {}
  const missing: string[] = []
  for (const [name, entry] of Object.entries(declaration.functions)) {
    const { takes, returns = declaration.status, alternatives = [], optional = false } = entry
    const types = takes.map((type) => cTypes[type])
    for (const symbol of [name, ...alternatives]) {
      try {
        calls[name] = library.handle.func(symbol, cTypes[returns], types)
        break
      } catch {
        // The next name, or what is said below.
      }
    }
    if (calls[name] === undefined && !optional) missing.push(name)
  }
  if (missing.length > 0)
    throw new DeviceError(
      `cuda: ${library.path} has no ${missing.join(', ')}; CUDA 12 and 13 have them`,
    )
  return calls as Bound<L>
}
