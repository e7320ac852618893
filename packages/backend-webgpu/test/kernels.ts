/**
 * The kernels on views that a test lays out as it likes. Everything around a view holds guard words, and
 * most values are small whole numbers, so that float32 sums are exact in any order and results compare
 * bit for bit with float64.
 */
import {
  contiguousStrides,
  type DeviceBuffer,
  type DType,
  sizeOf,
  type View,
  viewAs,
} from '@nablajs/tensor/backend'
import { describe, test } from 'vitest'
import { create, globals } from 'webgpu'
import { WebGpuBackend } from '../src/backend.ts'
import { type WebGpuKernels, webgpuKernels } from '../src/kernels/index.ts'
import { featuresOf } from '../src/runtime/features.ts'
import type { Limits } from '../src/runtime/kernel.ts'

/** A GPU to test as: what it is called in titles, and what a device of it has. */
export interface TestDevice {
  readonly name: string
  readonly software: boolean
  readonly subgroups: boolean
}

/** Tests are for what GPUs run, also where there is none. */
const gpu: TestDevice = { name: 'a GPU', software: false, subgroups: false }

/** All kinds of devices, for kernels that choose by them. */
export const testDevices: readonly TestDevice[] = [
  gpu,
  { name: 'a GPU with subgroups', software: false, subgroups: true },
  { name: 'a software GPU', software: true, subgroups: false },
  { name: 'a software GPU with subgroups', software: true, subgroups: true },
]

/** Tests of kernels, or one that says why they are skipped; the rest as in {@link testKernels}. */
export function kernelTests(
  name: string,
  body: (t: TestKernels) => void,
  workgroups?: number,
  device: TestDevice = gpu,
): void {
  const axis = workgroups === undefined ? '' : `, ${workgroups} workgroups to an axis`
  describe(`${name}${axis}${device === gpu ? '' : `, as on ${device.name}`}`, async () => {
    const t = await testKernels(workgroups, device)
    if (typeof t === 'string') test.skip(t, () => {})
    else body(t)
  })
}

/**
 * A device with WebGPU's default limits, and its kernels. Workgroup memory is not cleared, so that a
 * kernel that reads what it has not written shows.
 *
 * @param workgroups The most workgroups on one axis; as many as the device allows.
 * @param as What kernels are told of the device.
 * @returns What is missing, where there is no such device.
 */
async function testKernels(
  workgroups: number | undefined,
  { software, subgroups }: TestDevice,
): Promise<TestKernels | string> {
  Object.assign(globalThis, globals)
  const gpu = create(['enable-dawn-features=disable_workgroup_init'])
  const adapter = await gpu.requestAdapter()
  if (!adapter) return 'no WebGPU adapter: libvulkan1 and a Vulkan driver are needed'
  if (subgroups && !adapter.features.has('subgroups')) return 'the adapter has no subgroups'
  const memory = { memoryLimit: Number.POSITIVE_INFINITY, poolLimit: 2 ** 26 }
  const device = await adapter.requestDevice({ requiredFeatures: subgroups ? ['subgroups'] : [] })
  const backend = new WebGpuBackend({
    ...{ device, features: await featuresOf(device), gpu, owned: true, ...memory },
  })
  const limits = limitsOf(backend.limits)
  const { maxComputeWorkgroupsPerDimension } = limits
  const kernels = webgpuKernels({
    limits: {
      ...limits,
      maxComputeWorkgroupsPerDimension: workgroups ?? maxComputeWorkgroupsPerDimension,
    },
    features: { ...backend.features, software },
    dispatch: (call) => backend.dispatch(call),
    scratch: (bytes) => backend.scratch(bytes),
    release: (buffer) => backend.release(buffer),
  })
  return new TestKernels(backend, kernels)
}

/** The limits as a plain object: those of a device are getters of its prototype. */
function limitsOf(limits: Limits): Limits {
  const all: Record<string, number> = {}
  for (const name in limits) all[name] = limits[name as keyof Limits]
  return all as unknown as Limits
}

export interface ViewOptions {
  readonly dtype?: DType
  readonly strides?: readonly number[]
  /** Elements before the first. */
  readonly offset?: number
}

type Shape = readonly number[]

/** What every element outside of a view holds. */
const GUARD = 0x7fc0_1234

/** A view as tensors are: its parts are getters, which a spread object does not copy. */
class TestView implements View {
  readonly #parts: View

  constructor(parts: View) {
    this.#parts = parts
  }

  get buffer(): DeviceBuffer {
    return this.#parts.buffer
  }

  get dtype(): DType {
    return this.#parts.dtype
  }

  get shape(): Shape {
    return this.#parts.shape
  }

  get strides(): readonly number[] {
    return this.#parts.strides
  }

  get offset(): number {
    return this.#parts.offset
  }
}

/** Views made of plain numbers on a device, and read back; see {@link testKernels}. */
export class TestKernels {
  readonly kernels: WebGpuKernels
  readonly #device: WebGpuBackend
  readonly #buffers: DeviceBuffer[] = []

  constructor(device: WebGpuBackend, kernels: WebGpuKernels) {
    this.kernels = kernels
    this.#device = device
  }

  /** A view whose elements, in row-major order, are `values`; `strides` may be any order of axes or have gaps. */
  view(shape: Shape, values: ArrayLike<number>, options: ViewOptions = {}): View {
    const { dtype = 'f32', strides = contiguousStrides(shape), offset = 0 } = options
    // From the lowest to the highest element.
    const reach = (sign: 1 | -1) =>
      strides.reduce((sum, step, a) => sum + Math.max(0, sign * step * (shape[a]! - 1)), 0)
    const size = sizeOf(shape) === 0 ? 0 : offset + reach(1) + reach(-1) + 1
    const words = new Uint32Array(size).fill(GUARD)
    const view = { dtype, shape, strides, offset: offset + reach(-1) }
    const typed = viewAs(dtype, words.buffer)
    for (const [i, at] of places(view).entries()) typed[at] = values[i]!
    const buffer = this.#device.alloc(words.byteLength)
    this.#buffers.push(buffer)
    this.#device.write(buffer, words)
    return new TestView({ buffer, ...view })
  }

  /** A view full of NaN, for results. */
  empty(shape: Shape, options: ViewOptions = {}): View {
    const values = new Array<number>(sizeOf(shape)).fill(options.dtype === 'i32' ? -7 : Number.NaN)
    return this.view(shape, values, options)
  }

  /** The elements in row-major order; throws when anything around them was written. */
  async read(view: View): Promise<number[]> {
    const data = await this.#device.read(view.buffer)
    const [typed, words] = [viewAs(view.dtype, data), new Uint32Array(data)]
    const at = places(view)
    const own = new Set(at)
    for (const [i, word] of words.entries())
      if (!own.has(i) && word !== GUARD)
        throw new Error(`word ${i} was written outside of the view`)
    return at.map((i) => typed[i]!)
  }

  /** Frees all views; throws when the GPU has reported an error. */
  finish(): void {
    for (const buffer of this.#buffers.splice(0)) this.#device.free(buffer)
    if (this.#device.gpuErrors > 0) throw new Error(`${this.#device.gpuErrors} errors of the GPU`)
  }
}

function places({ shape, strides, offset }: Pick<View, 'shape' | 'strides' | 'offset'>): number[] {
  let at = [offset]
  for (const [axis, extent] of shape.entries())
    at = at.flatMap((first) => Array.from({ length: extent }, (_, i) => first + i * strides[axis]!))
  return at
}

/** A stream of numbers in [0, 1) that depends on the seed alone (Lehmer 1951, modulus 2^31 - 1). */
export function generator(seed: number): () => number {
  let state = (Math.abs(Math.floor(seed)) % 2147483646) + 1
  return () => {
    state = (state * 48271) % 2147483647
    return (state - 1) / 2147483646
  }
}

/** Small whole numbers, whose sums of products are exact in float32 in any order. */
export function whole(count: number, seed: number): number[] {
  const next = generator(seed)
  return Array.from({ length: count }, () => Math.floor(next() * 9) - 4)
}

/** Where two lists differ, or undefined. NaN equals NaN, and 0 equals -0. */
export function difference(
  got: readonly number[],
  expected: ArrayLike<number>,
  tolerance = 0,
): string | undefined {
  if (got.length !== expected.length) return `${got.length} elements, not ${expected.length}`
  for (const [i, value] of got.entries()) {
    const wanted = expected[i]!
    if (value === wanted || (Number.isNaN(value) && Number.isNaN(wanted))) continue
    if (Math.abs(value - wanted) <= tolerance * Math.max(1, Math.abs(wanted))) continue
    return `element ${i} is ${value}, not ${wanted}`
  }
  return undefined
}
