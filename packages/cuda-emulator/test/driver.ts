/** The emulator as tests use it: the C functions of the table, and the calls of a kernel in a few words. */

import {
  type Bound,
  cTypes,
  cublasApi,
  cublasLtApi,
  cudnnApi,
  driverApi,
  type LibraryDeclaration,
  nvrtcApi,
} from '@nablajs/backend-cuda-node/api'
import koffi from 'koffi'
import { describe } from 'vitest'
import { type Controls, type Emulator, emulator } from '../src/index.ts'

const found = emulator()

/** Why the tests of the emulator do not run here; undefined where they do. */
export const missing: string | undefined = found.missing

/** Tests that need the emulator: skipped, with the reason in their title, where it cannot be built. */
export function suite(title: string, body: () => void): void {
  if (missing === undefined) describe(title, body)
  else describe.skip(`${title} (${missing})`, body)
}

export function opened(): Emulator {
  if (found.missing !== undefined) throw new Error(found.missing)
  return found
}

function bind<L extends LibraryDeclaration>(path: string, { functions, status }: L): Bound<L> {
  const library = koffi.load(path)
  const bound: Record<string, unknown> = {}
  for (const [name, { takes, returns = status }] of Object.entries(functions))
    bound[name] = library.func(
      name,
      cTypes[returns],
      takes.map((type) => cTypes[type]),
    )
  return bound as Bound<L>
}

export const addressOf = (data: ArrayBufferView): number => Number(koffi.address(data))

/** A parameter of a kernel: an address, or a number with its type. */
export type Parameter = number | { readonly int: number } | { readonly float: number }

/** A device with a stream, in the words of a test. Every call that fails throws code and message. */
export class Gpu {
  readonly driver: Bound<typeof driverApi>
  readonly nvrtc: Bound<typeof nvrtcApi>
  readonly blas: Bound<typeof cublasApi>
  readonly lt: Bound<typeof cublasLtApi>
  readonly dnn: Bound<typeof cudnnApi>
  readonly controls: Controls
  readonly context: number
  readonly stream: number
  readonly #out = new BigUint64Array(2)
  readonly #at = addressOf(this.#out)

  constructor(device = 0) {
    const { library, controls } = opened()
    this.driver = bind(library, driverApi)
    this.nvrtc = bind(library, nvrtcApi)
    this.blas = bind(library, cublasApi)
    this.lt = bind(library, cublasLtApi)
    this.dnn = bind(library, cudnnApi)
    this.controls = controls()
    this.check(this.driver.cuInit(0))
    this.context = this.handle((at) => this.driver.cuDevicePrimaryCtxRetain(at, device))
    this.use()
    this.stream = this.handle((at) => this.driver.cuStreamCreate(at, 1))
  }

  use(): void {
    this.check(this.driver.cuCtxSetCurrent(this.context))
  }

  check(code: number): void {
    if (code !== 0) throw new Error(`${code} ${this.controls.message()}`)
  }

  /** The result of a call that writes it to an address. */
  handle(call: (at: number) => number): number {
    this.check(call(this.#at))
    return Number(this.#out[0])
  }

  alloc(bytes: number): number {
    return this.handle((at) => this.driver.cuMemAlloc_v2(at, bytes))
  }

  /** Pinned memory of the host: its address, and an array over it. */
  pinned(count: number): { readonly address: number; readonly data: Float32Array } {
    const address = this.handle((at) => this.driver.cuMemHostAlloc(at, 4 * count, 0))
    return { address, data: new Float32Array(koffi.view(BigInt(address), 4 * count)) }
  }

  upload(data: ArrayBufferView): number {
    const address = this.alloc(data.byteLength)
    this.check(
      this.driver.cuMemcpyHtoDAsync_v2(address, addressOf(data), data.byteLength, this.stream),
    )
    return address
  }

  download(address: number, count: number): Float32Array {
    const data = new Float32Array(count)
    this.check(this.driver.cuMemcpyDtoHAsync_v2(addressOf(data), address, 4 * count, this.stream))
    return data
  }

  sync(): void {
    this.check(this.driver.cuStreamSynchronize(this.stream))
  }

  /** The machine code of a source, or its PTX where it has none; the log of the compiler in an Error where it has errors. */
  compile(source: string, flags: readonly string[] = [], name = 'test.cu'): Uint8Array {
    const { nvrtc } = this
    const program = this.handle((at) => nvrtc.nvrtcCreateProgram(at, source, name, 0, 0, 0))
    const texts = ['--gpu-architecture=sm_90', ...flags].map((flag) => Buffer.from(`${flag}\0`))
    const table = BigUint64Array.from(texts, (text) => BigInt(addressOf(text)))
    const code = nvrtc.nvrtcCompileProgram(program, texts.length, addressOf(table))
    const log = new Uint8Array(this.handle((at) => nvrtc.nvrtcGetProgramLogSize(program, at)))
    nvrtc.nvrtcGetProgramLog(program, addressOf(log))
    if (code !== 0)
      throw new Error(`${nvrtc.nvrtcGetErrorString(code)}: ${Buffer.from(log).toString()}`)
    const bytes = this.handle((at) => nvrtc.nvrtcGetCUBINSize(program, at))
    const image = new Uint8Array(bytes || this.handle((at) => nvrtc.nvrtcGetPTXSize(program, at)))
    const get = bytes ? nvrtc.nvrtcGetCUBIN : nvrtc.nvrtcGetPTX
    this.check(get(program, addressOf(image)))
    this.handle((at) => {
      this.#out[0] = BigInt(program)
      return nvrtc.nvrtcDestroyProgram(at)
    })
    return image
  }

  /** The kernel `name` of a source. */
  kernel(source: string, name = 'k'): number {
    const image = this.compile(source)
    const module = this.handle((at) => this.driver.cuModuleLoadData(at, addressOf(image)))
    const kernel = this.handle((at) => this.driver.cuModuleGetFunction(at, module, name))
    this.check(this.driver.cuFuncLoad!(kernel))
    return kernel
  }

  launch(
    kernel: number,
    grid: number | readonly [number, number, number],
    block: number | readonly [number, number, number],
    parameters: readonly Parameter[],
    { shared = 0, stream = this.stream } = {},
  ): void {
    const values = new DataView(new ArrayBuffer(8 * (parameters.length + 1)))
    const table = new BigUint64Array(parameters.length + 1)
    const base = addressOf(values)
    parameters.forEach((parameter, i) => {
      table[i] = BigInt(base + 8 * i)
      if (typeof parameter === 'number') values.setBigUint64(8 * i, BigInt(parameter), true)
      else if ('int' in parameter) values.setInt32(8 * i, parameter.int, true)
      else values.setFloat32(8 * i, parameter.float, true)
    })
    const [gx, gy, gz] = typeof grid === 'number' ? [grid, 1, 1] : grid
    const [bx, by, bz] = typeof block === 'number' ? [block, 1, 1] : block
    const pointers = addressOf(table)
    this.check(
      this.driver.cuLaunchKernel(kernel, gx, gy, gz, bx, by, bz, shared, stream, pointers, 0),
    )
  }
}
