/** Finds the libraries that fit each other, and tells about them and the GPUs. */
import { DeviceError } from '@nablajs/tensor/backend'
import { type Bound, cublasApi, cublasLtApi, cudnnApi, driverApi, nvrtcApi } from './api/index.ts'
import { addressOf, Cells, textIn } from './cells.ts'
import { startDriver } from './errors.ts'
import {
  bind,
  type Environment,
  type LibraryName,
  libraryFiles,
  type OpenLibrary,
  openLibrary,
  type Search,
} from './libraries.ts'

/** A library that was found. */
export interface Located {
  readonly path: string
  /** Major and minor, as `13.0`; of the driver the newest CUDA that it runs, of cuDNN its own. */
  readonly version: string
}

/** A GPU, as the driver tells. */
export interface GpuDescription {
  readonly index: number
  readonly name: string
  /** As `9.0`. */
  readonly computeCapability: string
  /** All its memory, in bytes. */
  readonly memoryBytes: number
}

/** What of CUDA this machine has. */
export interface CudaDescription {
  /** Each library, or why there is none. */
  readonly libraries: Readonly<Record<LibraryName, Located | string>>
  readonly gpus: readonly GpuDescription[]
  /** What keeps {@link cuda} from working, or undefined when it would. */
  readonly problem: string | undefined
}

/** The libraries of a device. */
export interface Libraries {
  readonly driver: Bound<typeof driverApi>
  readonly nvrtc: Bound<typeof nvrtcApi>
  readonly cublas: Bound<typeof cublasApi> | undefined
  readonly cublasLt: Bound<typeof cublasLtApi> | undefined
  readonly cudnn: Bound<typeof cudnnApi> | undefined
  /** CUDA's version of the driver and of NVRTC, as 13000. */
  readonly driverVersion: number
  readonly nvrtcVersion: number
  readonly paths: Readonly<Partial<Record<LibraryName, string>>>
}

/** The oldest driver that runs a CUDA version. */
const oldestDriver = (major: number): number => (major >= 13 ? 580 : 525)

const showVersion = (version: number): string =>
  `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`

const majorOf = (version: number): number => Math.floor(version / 1000)

const driverVersionOf = (api: Bound<typeof driverApi>): number => {
  const cells = new Cells()
  return api.cuDriverGetVersion(cells.at[0]!) === 0 ? cells.int(0) : 0
}

export function nvrtcVersionOf(library: OpenLibrary): number {
  const cells = new Cells()
  const api = bind(library, nvrtcApi)
  api.nvrtcVersion(cells.at[0]!, cells.at[1]!)
  return 1000 * cells.int(0) + 10 * cells.int(1)
}

function cublasVersionOf(library: OpenLibrary): number {
  const cells = new Cells()
  const { MAJOR_VERSION, MINOR_VERSION } = cublasApi.constants
  const api = bind(library, cublasApi)
  api.cublasGetProperty(MAJOR_VERSION, cells.at[0]!)
  api.cublasGetProperty(MINOR_VERSION, cells.at[1]!)
  return 1000 * cells.int(0) + 10 * cells.int(1)
}

/** A library's own version and that of the CUDA it is made for, both as 13000. */
interface Versions {
  readonly version: number
  readonly cuda: number
}

/** The libraries of a toolkit have its version. */
const ofToolkit = (version: number): Versions => ({ version, cuda: version })

/**
 * cuBLASLt is a library of its own, which cuBLAS brings along: systems that look for a function in what
 * a library depends on too find it there. On others (Windows) there is none.
 */
function cublasLtOf(library: OpenLibrary): Bound<typeof cublasLtApi> | undefined {
  try {
    return bind(library, cublasLtApi)
  } catch {
    return undefined // cuBLAS multiplies without it
  }
}

/** cuDNN tells 9.24.1 as 92401. */
function cudnnVersionsOf(library: OpenLibrary): Versions {
  const api = bind(library, cudnnApi)
  const told = api.cudnnGetVersion()
  const version = 1000 * Math.floor(told / 10000) + 10 * (Math.floor(told / 100) % 100)
  return { version, cuda: api.cudnnGetCudartVersion() }
}

/** The version of a library, and in words why it does not go with the driver, if so. */
function judge(
  library: OpenLibrary,
  versionsOf: (library: OpenLibrary) => Versions,
  driver: number,
): { readonly version: number; readonly refusal: string | undefined } {
  let versions: Versions
  try {
    versions = versionsOf(library)
  } catch (error) {
    return { version: 0, refusal: (error as Error).message }
  }
  const { version, cuda } = versions
  const major = majorOf(cuda)
  const refusal =
    driver > 0 && major > majorOf(driver)
      ? `is of CUDA ${showVersion(cuda)}, which needs a driver >= ${oldestDriver(major)}; this one runs CUDA ${showVersion(driver)}`
      : undefined
  return { version, refusal }
}

interface Survey {
  readonly searches: Readonly<Record<LibraryName, Search>>
  readonly driver: Bound<typeof driverApi> | undefined
  readonly driverVersion: number
  readonly versions: Map<OpenLibrary, number>
}

function survey(env: Environment): Survey {
  const versions = new Map<OpenLibrary, number>()
  const driverSearch = openLibrary('driver', env)
  const driver = driverSearch.found && bind(driverSearch.found, driverApi)
  const driverVersion = driver ? driverVersionOf(driver) : 0
  const search = (name: LibraryName, versionsOf: (library: OpenLibrary) => Versions): Search =>
    openLibrary(name, env, (library) => {
      const { version, refusal } = judge(library, versionsOf, driverVersion)
      versions.set(library, version)
      return refusal
    })
  return {
    searches: {
      driver: driverSearch,
      nvrtc: search('nvrtc', (library) => ofToolkit(nvrtcVersionOf(library))),
      cublas: search('cublas', (library) => ofToolkit(cublasVersionOf(library))),
      cudnn: search('cudnn', cudnnVersionsOf),
    },
    driver,
    driverVersion,
    versions,
  }
}

function missing(name: LibraryName, search: Search, remedy: string): string {
  return (
    `cuda: needs ${libraryFiles[name].title} (${libraryFiles[name].linux[0]}), which could not be ` +
    `loaded. Tried: ${search.tried.join('; ')}. ${remedy}, or use @nablajs/backend-cpu.`
  )
}

/** What is missing of what is needed, in words. */
function problemOf({ searches, driver, versions }: Survey): string | undefined {
  const { nvrtc } = searches
  const version = nvrtc.found ? versions.get(nvrtc.found)! : 12000
  if (!driver)
    return missing(
      'driver',
      searches.driver,
      `Install an NVIDIA driver >= ${oldestDriver(majorOf(version))}` +
        `${nvrtc.found ? ` (for the CUDA ${showVersion(version)} of ${nvrtc.found.path})` : ''}`,
    )
  if (!nvrtc.found)
    return missing(
      'nvrtc',
      nvrtc,
      'Install a CUDA toolkit, or NVRTC alone by `pip install nvidia-cuda-nvrtc` in the active ' +
        'virtual environment, or name its folder in NABLA_CUDA_LIBRARY_PATH',
    )
  return undefined
}

/** The libraries that fit each other; a DeviceError says what is missing and what would do. */
export function locateLibraries(env: Environment): Libraries {
  const found = survey(env)
  const { searches, driver, driverVersion, versions } = found
  const problem = problemOf(found)
  if (problem !== undefined || !driver || !searches.nvrtc.found) throw new DeviceError(problem)
  const paths: Partial<Record<LibraryName, string>> = {}
  for (const [name, { found: library }] of Object.entries(searches))
    if (library) paths[name as LibraryName] = library.path
  return {
    driver,
    nvrtc: bind(searches.nvrtc.found, nvrtcApi),
    cublas: searches.cublas.found && bind(searches.cublas.found, cublasApi),
    cublasLt: searches.cublas.found && cublasLtOf(searches.cublas.found),
    cudnn: searches.cudnn.found && bind(searches.cudnn.found, cudnnApi),
    driverVersion,
    nvrtcVersion: versions.get(searches.nvrtc.found)!,
    paths,
  }
}

function gpusOf(api: Bound<typeof driverApi>): GpuDescription[] {
  const cells = new Cells()
  const { constants } = driverApi
  if (api.cuDeviceGetCount(cells.at[0]!) !== 0) return []
  return Array.from({ length: cells.int(0) }, (_, index) => {
    const name = new Uint8Array(256)
    api.cuDeviceGet(cells.at[0]!, index)
    const device = cells.int(0)
    api.cuDeviceGetName(addressOf(name), name.length, device)
    api.cuDeviceGetAttribute(
      cells.at[1]!,
      constants.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,
      device,
    )
    api.cuDeviceGetAttribute(
      cells.at[2]!,
      constants.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
      device,
    )
    api.cuDeviceTotalMem_v2(cells.at[3]!, device)
    return {
      index,
      name: textIn(name),
      computeCapability: `${cells.int(1)}.${cells.int(2)}`,
      memoryBytes: cells.word(3),
    }
  })
}

/** What computes in the place of a library that is not there. */
const replacement: Readonly<Partial<Record<LibraryName, string>>> = {
  cublas: ' (own kernels multiply matrices)',
  cudnn: ' (own kernels compute convolutions)',
}

/**
 * What of CUDA this machine has, for people and their tools: libraries with versions and paths, GPUs,
 * and what is missing. Never throws for something that is missing.
 *
 * @param env Where to look for the variables; `process.env`.
 *
 * @example
 * ```ts no-run
 * import { describe } from '@nablajs/backend-cuda-node'
 *
 * const { gpus, problem } = describe()
 * console.log(problem ?? gpus.map((gpu) => gpu.name).join(', '))
 * ```
 */
export function describe(env: Environment = process.env): CudaDescription {
  let found: Survey
  try {
    found = survey(env)
  } catch (error) {
    const reason = (error as Error).message
    const libraries = { driver: reason, nvrtc: reason, cublas: reason, cudnn: reason }
    return { libraries, gpus: [], problem: reason }
  }
  const { searches, driver, driverVersion, versions } = found
  const show = (name: LibraryName): Located | string => {
    const library = searches[name].found
    if (!library)
      return `not found${replacement[name] ?? ''}; tried ${searches[name].tried.join('; ')}`
    const version = name === 'driver' ? driverVersion : versions.get(library)!
    return { path: library.path, version: showVersion(version) }
  }
  const silent = driver && startDriver(driver, env)
  const gpus = driver && silent === undefined ? gpusOf(driver) : []
  const problem =
    problemOf(found) ?? silent ?? (gpus.length === 0 ? 'cuda: the driver sees no GPU' : undefined)
  return {
    libraries: {
      driver: show('driver'),
      nvrtc: show('nvrtc'),
      cublas: show('cublas'),
      cudnn: show('cudnn'),
    },
    gpus,
    problem,
  }
}
