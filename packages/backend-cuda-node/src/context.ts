/** One GPU: its context, its stream, launches, and what goes wrong on it. */
import { DeviceError, type DType } from '@nablajs/tensor/backend'
import { type Bound, driverApi } from './api/index.ts'
import { addressOf, Cells, textIn, wordAt } from './cells.ts'
import { errorText, startDriver } from './errors.ts'
import { Parameters } from './parameters.ts'
import { Recording } from './recording.ts'

type Driver = Bound<typeof driverApi>

const { constants } = driverApi

/** After these the driver answers every call of the process with the same error. */
const sticky: ReadonlySet<number> = new Set([
  constants.CUDA_ERROR_ECC_UNCORRECTABLE,
  constants.CUDA_ERROR_NVLINK_UNCORRECTABLE,
  constants.CUDA_ERROR_CONTAINED,
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
  constants.CUDA_ERROR_TENSOR_MEMORY_LEAK,
  constants.CUDA_ERROR_MPS_CLIENT_TERMINATED,
  constants.CUDA_ERROR_EXTERNAL_DEVICE,
])

/** How many names of kernels since the last wait are kept for error messages. */
const namesKept = 8

/** A compiled kernel on its device. */
export interface Kernel {
  /** The driver's handle; 0 for one that was first asked for while a graph was captured, until that ends. */
  readonly handle: number
  /** What people call it: the op, in errors. */
  readonly name: string
}

/** How many blocks a launch has, and how many threads each of them: x, y and z. */
export type LaunchSize = readonly [number, number, number, number, number, number]

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
  #recording: Recording | undefined
  /** Kernels launched since the last wait, the newest last. */
  readonly #launched: string[] = []
  readonly #device: number
  readonly #context: number
  /** The parameters of the launch being prepared: the driver copies them, so one block serves all. */
  readonly parameters: Parameters = new Parameters()

  constructor(driver: Driver, index: number) {
    this.driver = driver
    this.index = index
    const { cells } = this
    const [cell0, cell1] = cells.at as [number, number]
    const problem = startDriver(driver, process.env)
    if (problem !== undefined) throw new DeviceError(problem)
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
    try {
      this.makeCurrent()
      this.check(driver.cuStreamCreate(cell0, constants.CU_STREAM_NON_BLOCKING), 'cuda')
      this.stream = cells.word(0)
    } catch (error) {
      driver.cuDevicePrimaryCtxRelease_v2(this.#device)
      throw error
    }
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
    const said = errorText(this.driver, code)
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

  /** Gives memory back that is only kept for later; the pool's. */
  onShortage: (() => void) | undefined

  /** The code of a call that needs memory of the GPU; tried again after {@link onShortage} where there is none. */
  attempt(call: () => number): number {
    const code = call()
    if (code !== constants.CUDA_ERROR_OUT_OF_MEMORY || !this.onShortage) return code
    this.onShortage()
    return call()
  }

  /** Whether the work before has been seen to end well; then its kernels are above suspicion. */
  settled(): void {
    this.#launched.length = 0
  }

  // Parameters of the next launch, in the order of the kernel's declaration.
  begin(): void {
    this.parameters.begin()
  }
  address(value: number): void {
    this.parameters.address(value)
  }
  int(value: number): void {
    this.parameters.int(value)
  }
  /** A 64-bit signed integer. */
  long(value: number): void {
    this.parameters.long(value)
  }
  float(value: number): void {
    this.parameters.float(value)
  }
  double(value: number): void {
    this.parameters.double(value)
  }
  /** The scalars of a program. */
  scalars(dtypes: readonly DType[], values: readonly number[]): void {
    this.#recording?.noteScalars(this.parameters.count, dtypes, values)
    this.parameters.scalars(dtypes, values)
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
    if (kernel.handle === 0) {
      if (!this.#recording) throw new DeviceError(`${kernel.name}: its kernel could not be loaded`)
      this.#recording.noteMissing(kernel)
      return
    }
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
      this.parameters.table,
      0,
    )
    if (code !== 0) this.check(code, kernel.name)
    this.#recording?.noteLaunch(kernel, [blocksX, blocksY, blocksZ, threadsX, threadsY, 1])
  }

  /** Puts something among the suspects of an error that comes up later. */
  noteLaunch(name: string): void {
    const launched = this.#launched
    if (launched[launched.length - 1] === name) return
    if (launched.length === namesKept) launched.shift()
    launched.push(name)
  }

  get capturing(): boolean {
    return this.#recording !== undefined
  }
  /** What is being recorded. */
  get recording(): Recording | undefined {
    return this.#recording
  }

  /** Throws during a capture: what would wait for the device, or needs something new of the driver. */
  refuseCapture(what: string, why: string): void {
    if (this.capturing) throw new DeviceError(`${what}: ${why} while a graph is captured`)
  }

  /** Waits for everything submitted. */
  synchronize(what: string): void {
    this.refuseCapture(what, 'nothing can be waited for')
    this.check(this.driver.cuStreamSynchronize(this.stream), what)
    this.settled()
  }

  /** The relaxed mode lets the pool ask for memory; such memory is the graph's as long as it is not freed. */
  beginCapture(): Recording {
    const mode = constants.CU_STREAM_CAPTURE_MODE_RELAXED
    this.check(this.driver.cuStreamBeginCapture_v2(this.stream, mode), 'capture')
    this.#recording = new Recording(this)
    return this.#recording
  }

  /** The node that the last call made of the graph being captured. */
  lastNode(): number {
    const { driver, cells, stream } = this
    const [status, nodes, edges, count] = cells.at as [number, number, number, number]
    // Drivers of CUDA 12.0 to 12.2 have the older form alone.
    const code = driver.cuStreamGetCaptureInfo_v3
      ? driver.cuStreamGetCaptureInfo_v3(stream, status, 0, 0, nodes, edges, count)
      : driver.cuStreamGetCaptureInfo_v2!(stream, status, 0, 0, nodes, count)
    this.check(code, 'capture')
    // What one stream captures is a chain: whatever comes next waits for one node.
    if (cells.word(3) !== 1)
      throw new DeviceError(
        `capture: the next call would wait for ${cells.word(3)} others, not for one`,
      )
    return wordAt(cells.word(1))
  }

  /** The graph of what was submitted since {@link beginCapture}. */
  endCapture(): number {
    this.#recording = undefined
    this.check(this.driver.cuStreamEndCapture(this.stream, this.cells.at[0]!), 'capture')
    return this.cells.word(0)
  }

  /** Ends a capture that went wrong, if it still runs; what came of it is thrown away. */
  abandonCapture(): void {
    if (!this.capturing) return
    this.#recording = undefined
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
