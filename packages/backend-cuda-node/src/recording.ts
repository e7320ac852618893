/** What a captured step launched, and the numbers of it that are to be other ones at each replay. */
import { DeviceError, type DType } from '@nablajs/tensor/backend'
import { driverApi } from './api/index.ts'
import { addressOf } from './cells.ts'
import type { Context, Kernel, LaunchSize } from './context.ts'
import type { Parameters } from './parameters.ts'

const { constants } = driverApi
const structBytes = constants['sizeof(CUDA_KERNEL_NODE_PARAMS_v2)']
const at = {
  function: constants['offsetof(CUDA_KERNEL_NODE_PARAMS_v2, func)'],
  sizes: constants['offsetof(CUDA_KERNEL_NODE_PARAMS_v2, gridDimX)'],
  parameters: constants['offsetof(CUDA_KERNEL_NODE_PARAMS_v2, kernelParams)'],
}

/** The scalars of a launch: where they lie among its parameters, and the caller's array of them. */
interface Scalars {
  readonly slot: number
  readonly dtypes: readonly DType[]
  readonly values: readonly number[]
}

/** A kernel that was launched. */
interface Launched {
  readonly kernel: Kernel
  readonly size: LaunchSize
  /** Undefined where the kernel has no scalars. */
  readonly scalars: LaunchScalars | undefined
}

const nothing: LaunchSize = [0, 0, 0, 0, 0, 0]

/** What can be changed of a launch. */
class LaunchScalars {
  readonly scalars: Scalars
  /** The node of the graph. */
  readonly #node: number
  readonly #parameters: Parameters
  readonly #words: BigUint64Array
  /** The values that the executable graph has. */
  #present: readonly number[]

  constructor(kernel: Kernel, size: LaunchSize, scalars: Scalars, own: Parameters, node: number) {
    this.scalars = scalars
    this.#node = node
    this.#parameters = own
    this.#present = [...scalars.values]
    this.#words = new BigUint64Array(structBytes / 8)
    this.#words[at.function / 8] = BigInt(kernel.handle)
    this.#words[at.parameters / 8] = BigInt(own.table)
    new Uint32Array(this.#words.buffer).set(size, at.sizes / 4)
  }

  /** The values that the caller's array had when this was last looked at. */
  get present(): readonly number[] {
    return this.#present
  }

  /** Gives the executable graph the values that the caller's array has now. */
  refresh(context: Context, executable: number): void {
    const { slot, dtypes, values } = this.scalars
    if (values.every((value, i) => Object.is(value, this.#present[i]))) return
    this.#parameters.begin(slot)
    this.#parameters.scalars(dtypes, values)
    const struct = addressOf(this.#words)
    const { driver } = context
    const code = driver.cuGraphExecKernelNodeSetParams_v2(executable, this.#node, struct)
    context.check(code, 'replay')
    this.#present = [...values]
  }
}

/** One recording of a step. */
export class Recording {
  readonly #context: Context
  readonly #launched: Launched[] = []
  readonly #updates: (() => void)[] = []
  readonly #finishes: (() => void)[] = []
  #next: Scalars | undefined
  #complete = true

  constructor(context: Context) {
    this.#context = context
  }

  /** Has `update` called before each replay, and `finish` at the end; see `Backend.onReplay`. */
  readonly onReplay = (update: () => void, finish?: () => void): void => {
    this.#updates.push(update)
    if (finish) this.#finishes.push(finish)
  }

  /** Tells the end of the recording, once. */
  finish(): void {
    for (const finish of this.#finishes.splice(0)) finish()
  }

  /** The same for a recording that comes to nothing, whatever is said about it. */
  abandon(): void {
    for (const finish of this.#finishes.splice(0))
      try {
        finish()
      } catch {
        // The step has failed already, with an error of its own.
      }
  }

  /** Notes the scalars of the launch that is being prepared. */
  noteScalars(slot: number, dtypes: readonly DType[], values: readonly number[]): void {
    this.#next = { slot, dtypes, values }
  }

  /** Notes the launch that has just been made. */
  noteLaunch(kernel: Kernel, size: LaunchSize): void {
    const next = this.#next
    this.#next = undefined
    const scalars =
      next && next.values.length > 0
        ? new LaunchScalars(
            kernel,
            size,
            next,
            this.#context.parameters.copy(),
            this.#context.lastNode(),
          )
        : undefined
    this.#launched.push({ kernel, size, scalars })
  }

  /** Notes a kernel that is not loaded yet, so that it could not be launched. */
  noteMissing(kernel: Kernel): void {
    this.#next = undefined
    this.#complete = false
    this.#launched.push({ kernel, size: nothing, scalars: undefined })
  }

  /** Whether all kernels were there. */
  get complete(): boolean {
    return this.#complete
  }

  /**
   * Throws where this recording of a step, a complete one, differs from another one of the same step:
   * what changes from run to run would be frozen.
   */
  compare(other: Recording): void {
    const [a, b] = [this.#launched, other.#launched]
    const count = Math.max(a.length, b.length)
    for (let i = 0; i < count; i++) {
      const [one, two] = [a[i], b[i]]
      if (one?.kernel !== two?.kernel || one?.size.join() !== two?.size.join())
        throw new DeviceError(
          `capture: the step does not do the same each time: call ${i} was ` +
            `${one?.kernel.name ?? 'none'}, then ${two?.kernel.name ?? 'none'}`,
        )
      const [before, after] = [one!.scalars?.present ?? [], two!.scalars?.present ?? []]
      const k = before.findIndex((value, own) => !Object.is(value, after[own]))
      if (k >= 0)
        throw new DeviceError(
          `capture: ${two!.kernel.name} (call ${i}) had the number ${before[k]}, then ${after[k]}; ` +
            'a captured step keeps its numbers: what changes has to be a tensor that is written before a replay',
        )
    }
  }

  /** Calls the updates, and gives the executable graph the numbers that changed. */
  prepare(executable: number): void {
    for (const update of this.#updates) update()
    for (const { scalars } of this.#launched) scalars?.refresh(this.#context, executable)
  }
}
