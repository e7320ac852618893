/** One GPU: its context, its stream, launches, and what goes wrong on it. */
import { DeviceError } from '@nablajs/tensor/backend'
import { type Bound, driverApi } from './api/index.ts'
import { addressOf, Cells, textAt, textIn } from './cells.ts'

type Driver = Bound<typeof driverApi>

const { constants } = driverApi

/** After these the driver answers every call of the process with the same error. */
const sticky: ReadonlySet<number> = new Set([
  constants.CUDA_ERROR_ECC_UNCORRECTABLE,
  constants.CUDA_ERROR_ILLEGAL_ADDRESS,
  constants.CUDA_ERROR_LAUNCH_TIMEOUT,
  constants.CUDA_ERROR_CONTEXT_IS_DESTROYED,
  constants.CUDA_ERROR_ASSERT,
  constants.CUDA_ERROR_HARDWARE_STACK_ERROR,
  constants.CUDA_ERROR_ILLEGAL_INSTRUCTION,
  constants.CUDA_ERROR_MISALIGNED_ADDRESS,
  constants.CUDA_ERROR_INVALID_ADDRESS_SPACE,
  constants.CUDA_ERROR_INVALID_PC,
  constants.CUDA_ERROR_LAUNCH_FAILED,
])

/** CUDA takes 4096 bytes of kernel parameters; each has 8 here. */
const parameterSlots = 512

/** How many names of kernels since the last wait are kept for error messages. */
const namesKept = 8

/** A compiled kernel on its device. */
export interface Kernel {
  /** The driver's handle. */
  readonly handle: number
  /** What people call it: the op, in errors. */
  readonly name: string
}

export class Context {
  readonly driver: Driver
  /** Which GPU, as the driver counts them. */
  readonly index: number
  readonly gpuName: string
  /** As 90 for compute capability 9.0. */
  readonly architecture: number
  readonly multiprocessors: number
  readonly stream: number
  readonly cells: Cells = new Cells()
  /** Why nothing works any more, once a kernel has failed. */
  #lost: string | undefined
  #disposed = false
  #capturing = false
  /** Kernels launched since the last wait, the newest last. */
  readonly #launched: string[] = []
  readonly #device: number
  readonly #context: number
  // The parameters of a launch: the driver copies them, so one block serves all.
  readonly #block: ArrayBuffer = new ArrayBuffer(8 * parameterSlots)
  readonly #u32: Uint32Array = new Uint32Array(this.#block)
  readonly #i32: Int32Array = new Int32Array(this.#block)
  readonly #f32: Float32Array = new Float32Array(this.#block)
  readonly #f64: Float64Array = new Float64Array(this.#block)
  readonly #table: BigUint64Array = new BigUint64Array(parameterSlots)
  readonly #tableAddress: number
  #slots = 0

  constructor(driver: Driver, index: number) {
    this.driver = driver
    this.index = index
    const { cells } = this
    const [cell0, cell1] = cells.at as [number, number]
    this.check(driver.cuInit(0), 'cuda')
    this.check(driver.cuDeviceGetCount(cell0), 'cuda')
    const count = cells.int(0)
    if (index >= count)
      throw new DeviceError(
        `cuda: device ${index} is not there: the driver sees ${count === 1 ? '1 GPU' : `${count} GPUs`}` +
          (count > 0 ? `, numbered from 0 to ${count - 1}` : ''),
      )
    this.check(driver.cuDeviceGet(cell0, index), 'cuda')
    this.#device = cells.int(0)
    const name = new Uint8Array(256)
    this.check(driver.cuDeviceGetName(addressOf(name), name.length, this.#device), 'cuda')
    this.gpuName = textIn(name)
    const attribute = (which: number): number => {
      this.check(driver.cuDeviceGetAttribute(cell1, which, this.#device), 'cuda')
      return cells.int(1)
    }
    this.architecture =
      10 * attribute(constants.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) +
      attribute(constants.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)
    this.multiprocessors = attribute(constants.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)
    this.check(driver.cuDevicePrimaryCtxRetain(cell0, this.#device), 'cuda')
    this.#context = cells.word(0)
    this.makeCurrent()
    this.check(driver.cuStreamCreate(cell0, constants.CU_STREAM_NON_BLOCKING), 'cuda')
    this.stream = cells.word(0)
    const block = addressOf(this.#f64)
    for (let i = 0; i < parameterSlots; i++) this.#table[i] = BigInt(block + 8 * i)
    this.#tableAddress = addressOf(this.#table)
  }

  /** Makes this device the one that driver calls are for; throws when it can do nothing any more. */
  enter(what: string): void {
    if (this.#disposed) throw new DeviceError(`${what}: the cuda device was disposed`)
    if (this.#lost !== undefined)
      throw new DeviceError(
        `${what}: the cuda device is lost since ${this.#lost}; only a new process can use it again`,
      )
    this.makeCurrent()
  }

  /** Other devices, and whoever else in the process uses CUDA, take turns on the thread. */
  makeCurrent(): void {
    const code = this.driver.cuCtxSetCurrent(this.#context)
    if (code !== 0) this.check(code, 'cuda')
  }

  /** Throws a DeviceError with the driver's words unless `code` is success. */
  check(code: number, what: string): void {
    if (code !== constants.CUDA_SUCCESS) throw this.#failure(code, what)
  }

  #failure(code: number, what: string): DeviceError {
    const { driver, cells } = this
    const text = (from: Driver['cuGetErrorName']): string =>
      from(code, cells.at[3]!) === 0 ? textAt(cells.word(3)) : ''
    const said = `${text(driver.cuGetErrorName) || `error ${code}`} (${text(driver.cuGetErrorString) || 'no explanation'})`
    if (!sticky.has(code)) return new DeviceError(`${what}: the driver answered ${said}`)
    // The call at hand is innocent as a rule: one of the kernels before it has failed.
    const suspects = [...new Set(this.#launched)]
    const of =
      suspects.length === 0
        ? ''
        : suspects.length === 1
          ? ` in ${suspects[0]}`
          : ` in one of ${suspects.join(', ')}`
    this.#lost = `${said}${of}`
    return new DeviceError(`${what}: the cuda device is lost: ${said}${of}`)
  }

  /** Whether the work before has been seen to end well; then its kernels are above suspicion. */
  settled(): void {
    this.#launched.length = 0
  }

  // Parameters of the next launch, in the order of the kernel's declaration.
  begin(): void {
    this.#slots = 0
  }
  address(value: number): void {
    const at = 2 * this.#slot()
    this.#u32[at] = value
    this.#u32[at + 1] = value / 4294967296
  }
  int(value: number): void {
    this.#i32[2 * this.#slot()] = value
  }
  /** A 64-bit signed integer. */
  long(value: number): void {
    const at = 2 * this.#slot()
    this.#u32[at] = value
    this.#i32[at + 1] = Math.floor(value / 4294967296)
  }
  float(value: number): void {
    this.#f32[2 * this.#slot()] = value
  }
  double(value: number): void {
    this.#f64[this.#slot()] = value
  }

  #slot(): number {
    if (this.#slots === parameterSlots)
      throw new DeviceError(`cuda: a kernel takes at most ${parameterSlots} parameters`)
    return this.#slots++
  }

  /** Starts a kernel on the parameters given since {@link begin}. */
  launch(
    kernel: Kernel,
    blocksX: number,
    blocksY: number,
    blocksZ: number,
    threadsX: number,
    threadsY: number = 1,
  ): void {
    this.noteLaunch(kernel.name)
    const code = this.driver.cuLaunchKernel(
      kernel.handle,
      blocksX,
      blocksY,
      blocksZ,
      threadsX,
      threadsY,
      1,
      0,
      this.stream,
      this.#tableAddress,
      0,
    )
    if (code !== 0) this.check(code, kernel.name)
  }

  /** Puts something among the suspects of an error that comes up later. */
  noteLaunch(name: string): void {
    const launched = this.#launched
    if (launched[launched.length - 1] === name) return
    if (launched.length === namesKept) launched.shift()
    launched.push(name)
  }

  get capturing(): boolean {
    return this.#capturing
  }

  /** Throws during a capture: what would wait for the device, or needs memory of the driver. */
  refuseCapture(what: string, why: string): void {
    if (this.#capturing) throw new DeviceError(`${what}: ${why} while a graph is captured`)
  }

  /** Waits for everything submitted. */
  synchronize(what: string): void {
    this.refuseCapture(what, 'nothing can be waited for')
    this.check(this.driver.cuStreamSynchronize(this.stream), what)
    this.settled()
  }

  beginCapture(): void {
    const mode = constants.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
    this.check(this.driver.cuStreamBeginCapture_v2(this.stream, mode), 'capture')
    this.#capturing = true
  }

  /** The graph of what was submitted since {@link beginCapture}. */
  endCapture(): number {
    this.#capturing = false
    this.check(this.driver.cuStreamEndCapture(this.stream, this.cells.at[0]!), 'capture')
    return this.cells.word(0)
  }

  /** Ends a capture that went wrong; what came of it is thrown away. */
  abandonCapture(): void {
    this.#capturing = false
    // A capture that the driver has given up already is an error here, and no news.
    if (this.driver.cuStreamEndCapture(this.stream, this.cells.at[0]!) === 0)
      this.driver.cuGraphDestroy(this.cells.word(0))
  }

  /** Lets go of the stream and the context; nothing works after it. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    // On a lost device the driver refuses these too, and there is nothing left to save.
    this.driver.cuStreamDestroy_v2(this.stream)
    this.driver.cuDevicePrimaryCtxRelease_v2(this.#device)
  }

  get usable(): boolean {
    return !this.#disposed && this.#lost === undefined
  }
  get disposed(): boolean {
    return this.#disposed
  }
}
