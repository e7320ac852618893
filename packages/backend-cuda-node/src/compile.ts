/** From CUDA C to kernels: NVRTC, and the caches before it. */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DeviceError } from '@nablajs/tensor/backend'
import { type Bound, nvrtcApi } from './api/index.ts'
import type { DiskCache } from './cache.ts'
import { addressOf, Cells, textIn } from './cells.ts'
import type { Context, Kernel } from './context.ts'

type Nvrtc = Bound<typeof nvrtcApi>

/**
 * Products and sums are rounded one by one, as on every other device, so that `a * a - b * b` is 0
 * for equal a and b; kernels that want fused ones say `fmaf`.
 */
const options: readonly string[] = ['--std=c++17', '--fmad=false']

/** Null-terminated strings, and the table of their addresses, as C wants them. */
class StringList {
  readonly #bytes: readonly Uint8Array[]
  readonly #table: BigUint64Array
  readonly address: number

  constructor(texts: readonly string[]) {
    const encoder = new TextEncoder()
    this.#bytes = texts.map((text) => encoder.encode(`${text}\0`))
    this.#table = BigUint64Array.from(this.#bytes, (bytes) => BigInt(addressOf(bytes)))
    this.address = addressOf(this.#table)
  }
  get length(): number {
    return this.#bytes.length
  }
}

/**
 * What to compile for, as NVRTC's option has it. Machine code for the newest architecture that the
 * compiler knows and the GPU runs: code for 8.0 runs on 8.x, and not on 9.0. For a GPU of a newer
 * generation than the compiler, PTX, which its driver translates.
 */
export function chooseArchitecture(gpu: number, known: readonly number[], version: string): string {
  const major = Math.floor(gpu / 10)
  const older = known.filter((arch) => arch <= gpu)
  const fitting = older.filter((arch) => Math.floor(arch / 10) === major)
  if (fitting.length > 0) return `sm_${Math.max(...fitting)}`
  if (older.length > 0) return `compute_${Math.max(...older)}`
  const show = (arch: number): string => (arch / 10).toFixed(1)
  throw new DeviceError(
    `cuda: NVRTC ${version} compiles for compute capabilities ${known.map(show).join(', ')}, ` +
      `and the GPU has ${show(gpu)}: CUDA 12 still knows GPUs from 5.0 on`,
  )
}

/** Compiles for one architecture. */
export class RuntimeCompiler {
  readonly #api: Nvrtc
  readonly #cells: Cells = new Cells()
  /** What besides the source decides about the result. */
  readonly identity: string
  readonly #flags: readonly string[]
  readonly #isPtx: boolean

  constructor(api: Nvrtc, version: number, path: string, gpu: number) {
    this.#api = api
    const [cell] = this.#cells.at
    this.#check(api.nvrtcGetNumSupportedArchs(cell!), 'cuda')
    const known = new Int32Array(this.#cells.int(0))
    this.#check(api.nvrtcGetSupportedArchs(addressOf(known)), 'cuda')
    const shown = `${Math.floor(version / 1000)}.${(version % 1000) / 10}`
    const architecture = chooseArchitecture(gpu, [...known], shown)
    this.#flags = [...options, `--gpu-architecture=${architecture}`]
    this.#isPtx = architecture.startsWith('compute_')
    this.identity = [path, version, ...this.#flags].join(' ')
  }

  /** The machine code of a source, or its PTX; a DeviceError with the compiler's log when it does not compile. */
  compile(source: string, name: string): Uint8Array {
    const api = this.#api
    const [cell, sizeCell] = this.#cells.at as [number, number]
    this.#check(api.nvrtcCreateProgram(cell, source, `${name}.cu`, 0, 0, 0), name)
    const program = this.#cells.word(0)
    try {
      const flags = new StringList(this.#flags)
      const code = api.nvrtcCompileProgram(program, flags.length, flags.address)
      if (code !== nvrtcApi.constants.NVRTC_SUCCESS) {
        this.#check(api.nvrtcGetProgramLogSize(program, sizeCell), name)
        const log = new Uint8Array(this.#cells.word(1))
        this.#check(api.nvrtcGetProgramLog(program, addressOf(log)), name)
        throw new DeviceError(
          `${name}: the kernel does not compile (${api.nvrtcGetErrorString(code)}):\n${textIn(log)}`,
        )
      }
      const [sizeOf, get] = this.#isPtx
        ? [api.nvrtcGetPTXSize, api.nvrtcGetPTX]
        : [api.nvrtcGetCUBINSize, api.nvrtcGetCUBIN]
      this.#check(sizeOf(program, sizeCell), name)
      const image = new Uint8Array(this.#cells.word(1))
      this.#check(get(program, addressOf(image)), name)
      return image
    } finally {
      this.#cells.put(0, program)
      api.nvrtcDestroyProgram(cell)
    }
  }

  #check(code: number, what: string): void {
    if (code !== nvrtcApi.constants.NVRTC_SUCCESS)
      throw new DeviceError(`${what}: NVRTC answered ${this.#api.nvrtcGetErrorString(code)}`)
  }
}

type LoadedKernel = { -readonly [Key in keyof Kernel]: Kernel[Key] }

/** The kernels of one device: each source is compiled once, and kept on disk too. */
export class Compiler {
  readonly #context: Context
  readonly #runtime: RuntimeCompiler
  readonly #disk: DiskCache
  readonly #kernels: Map<string, Kernel> = new Map()
  readonly #modules: number[] = []
  readonly #waiting: (() => void)[] = []
  readonly #sources: string | undefined
  /** How many sources went to NVRTC, and how many came from the disk. */
  compiled = 0
  loaded = 0

  /** @param sources A folder that gets the source of every kernel, for people and tools to look at. */
  constructor(context: Context, runtime: RuntimeCompiler, disk: DiskCache, sources?: string) {
    this.#sources = sources
    this.#context = context
    this.#runtime = runtime
    this.#disk = disk
  }

  /** Kernels made so far. */
  get size(): number {
    return this.#kernels.size
  }

  /**
   * The function `entry` of a source.
   *
   * @param name What people call it: the op.
   */
  kernel(source: string, entry: string, name: string): Kernel {
    const known = this.#kernels.get(source)
    if (known) return known
    if (this.#sources) keepSource(this.#sources, source, entry)
    const kernel: LoadedKernel = { handle: 0, name }
    this.#kernels.set(source, kernel)
    // Not while a graph is captured: a driver may have to wait for the device to load code.
    if (this.#context.capturing) this.#waiting.push(() => this.#load(kernel, source, entry))
    else this.#load(kernel, source, entry)
    return kernel
  }

  /** Loads the kernels that were first asked for while a graph was captured. */
  loadWaiting(): void {
    for (const load of this.#waiting.splice(0)) load()
  }

  #load(kernel: LoadedKernel, source: string, entry: string): void {
    const { name } = kernel
    const key = `${this.#runtime.identity}\n${source}`
    const stored = this.#disk.get(key)
    const { driver, cells } = this.#context
    const load = (cubin: Uint8Array): number =>
      this.#context.attempt(() => driver.cuModuleLoadData(cells.at[0]!, addressOf(cubin)))
    try {
      if (stored && load(stored) === 0) this.loaded++
      else {
        if (stored) this.#disk.delete(key)
        const cubin = this.#runtime.compile(source, name)
        this.compiled++
        this.#context.check(load(cubin), name)
        this.#disk.set(key, cubin)
      }
      const module = cells.word(0)
      this.#modules.push(module)
      this.#context.check(driver.cuModuleGetFunction(cells.at[0]!, module, entry), name)
      const handle = cells.word(0)
      // Code is loaded lazily otherwise, which a driver may refuse in the first launch while a graph is captured.
      if (driver.cuFuncLoad) this.#context.check(driver.cuFuncLoad(handle), name)
      kernel.handle = handle
    } catch (error) {
      // The next call tries again.
      this.#kernels.delete(source)
      throw error
    }
  }

  dispose(): void {
    if (this.#context.usable)
      for (const module of this.#modules) this.#context.driver.cuModuleUnload(module)
    this.#modules.length = 0
    this.#kernels.clear()
  }
}

/** Writes a source under a name of its own: the kernel's, and a digest. */
function keepSource(folder: string, source: string, entry: string): void {
  mkdirSync(folder, { recursive: true })
  const digest = createHash('sha256').update(source).digest('hex').slice(0, 16)
  writeFileSync(join(folder, `${entry}-${digest}.cu`), source)
}
