/**
 * Sharing memory with TensorFlow.js: its WebGPU backend on our device, so that tensors go from one
 * library to the other without a copy. Published as `@nablajs/backend-webgpu/tfjs`; the main entry
 * knows nothing of TensorFlow.js.
 *
 * Both libraries record commands and submit them later. Before one of them begins to record, the
 * other submits, so that everything runs in the order in which it was called.
 *
 * @packageDocumentation
 */
import { Tensor } from '@nablajs/tensor'
import {
  contiguousStrides,
  DeviceError,
  type DType,
  DTypeError,
  program,
  Storage,
  sizeOf,
} from '@nablajs/tensor/backend'
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import * as tf from '@tensorflow/tfjs-core'
import type { WebGpuBackend } from '../backend.ts'

const toTfjsType: Readonly<Partial<Record<DType, 'float32' | 'int32' | 'bool'>>> = {
  f32: 'float32',
  i32: 'int32',
  bool: 'bool',
}
const fromTfjsType: Readonly<Record<string, DType>> = { float32: 'f32', int32: 'i32', bool: 'bool' }

/** What the two libraries share; one for each device. */
interface Link {
  readonly device: WebGpuBackend
  readonly backend: WebGPUBackend
  /** Our holds on memory that TensorFlow.js uses, by its id of the data. */
  readonly lent: Map<object, () => void>
}

/** The parts of tfjs's backend that are private in its types. */
interface Internals {
  commandEncoder: GPUCommandEncoder | null
  ensureCommandEncoderReady(): void
  endComputePassEncoder(): void
  submitQueue(): void
  releaseResource(id: object): void
}

const links: WeakMap<WebGpuBackend, Link> = new WeakMap()
const linksOfTfjs: WeakMap<object, Link> = new WeakMap()

/**
 * Makes TensorFlow.js compute on our device: registers its WebGPU backend there as `'webgpu'` and
 * makes it the current one. Once for each device; a backend registered as `'webgpu'` before is
 * removed with its tensors.
 *
 * @example
 * ```ts
 * import { webgpu } from '@nablajs/backend-webgpu'
 * import { connectTfjs, fromTfjs, toTfjs } from '@nablajs/backend-webgpu/tfjs'
 * import { setDevice, tensor } from '@nablajs/tensor'
 * import * as tf from '@tensorflow/tfjs-core'
 *
 * const device = await webgpu()
 * setDevice(device)
 * await connectTfjs(device)
 * const x = toTfjs(tensor([1, 2, 3]))     // a tf.Tensor on the same memory
 * const y = fromTfjs(tf.square(x))        // and back
 * ```
 */
export async function connectTfjs(device: WebGpuBackend): Promise<WebGPUBackend> {
  const known = links.get(device)
  if (known) return known.backend
  await provideGlobals()
  const { WebGPUBackend: Base } = await import('@tensorflow/tfjs-backend-webgpu')
  const lent: Link['lent'] = new Map()
  const backend = withNavigator(() => new Base(device.device, device.device.adapterInfo))
  const own = backend as unknown as Internals
  const prototype = Base.prototype as unknown as Internals &
    Pick<WebGPUBackend, 'read' | 'readSync'>

  own.ensureCommandEncoderReady = () => {
    if (device.hasRecorded) device.flush()
    prototype.ensureCommandEncoderReady.call(backend)
  }
  own.releaseResource = (id) => {
    prototype.releaseResource.call(backend, id)
    lent.get(id)?.()
    lent.delete(id)
  }
  // Our buffers are rounded up; tfjs reads whole ones.
  backend.read = async (id) => {
    const values = await prototype.read.call(backend, id)
    return trim(backend, id, values)
  }
  device.onBegin(() => submit(own))

  if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu')
  tf.registerBackend('webgpu', () => backend, 3)
  await tf.setBackend('webgpu')
  const link: Link = { device, backend, lent }
  links.set(device, link)
  linksOfTfjs.set(backend, link)
  return backend
}

/** In Node there are no globals of WebGPU, but tfjs asks for some; the package `webgpu` has them. */
async function provideGlobals(): Promise<void> {
  if ('GPUBuffer' in globalThis) return
  const name = 'webgpu'
  const { globals } = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as {
    globals: object
  }
  Object.assign(globalThis, globals)
}

/** tfjs makes a backend only where there is a `navigator.gpu`, although it does not use it then. */
function withNavigator<T>(body: () => T): T {
  const { navigator } = globalThis
  if (navigator.gpu) return body()
  Object.defineProperty(navigator, 'gpu', { value: {}, configurable: true })
  try {
    return body()
  } finally {
    Reflect.deleteProperty(navigator, 'gpu')
  }
}

function submit(own: Internals): void {
  if (!own.commandEncoder) return
  own.endComputePassEncoder()
  own.submitQueue()
}

type Values = Awaited<ReturnType<WebGPUBackend['read']>>

function trim(backend: WebGPUBackend, id: object, values: Values): Values {
  const data = backend.tensorMap.get(id)
  const size = sizeOf((data as unknown as { shape: number[] }).shape)
  if (values.length <= size) return values
  data.values = (values as Float32Array).slice(0, size)
  return data.values as Values
}

/**
 * A TensorFlow.js tensor on the memory of ours, without a copy; views that are not dense are made so
 * first. The memory lives until both are disposed. What is written into ours later (an optimizer's
 * step) may or may not be seen by the other: TensorFlow.js keeps copies of what it has read.
 *
 * @throws DeviceError when the tensor's device is not connected, DTypeError for u32.
 */
export function toTfjs(tensor: Tensor): tf.Tensor {
  const link = links.get(tensor.device as WebGpuBackend)
  if (!link)
    throw new DeviceError(
      `toTfjs: the tensor's device (${tensor.device.name}) is not connected; await connectTfjs(device) first`,
    )
  const dtype = toTfjsType[tensor.dtype]
  if (!dtype) throw new DTypeError(`toTfjs: TensorFlow.js has no ${tensor.dtype}; cast to i32`)
  const { device, backend, lent } = link
  // Dense from the first element of its buffer on: that is all that tfjs knows.
  const isWhole = tensor.isContiguous && tensor.offset === 0
  const source = isWhole ? tensor.alias() : dense(tensor)
  const { storage } = source
  const gpu = device.gpuBufferOf(source.buffer, 'toTfjs')
  const shared = backend.createTensorFromGPUData(
    { buffer: gpu, zeroCopy: true },
    [...tensor.shape],
    dtype,
  )
  storage.retain()
  lent.set(shared.dataId, () => storage.release())
  source.dispose()
  return shared
}

function dense(tensor: Tensor): Tensor {
  const copy = Tensor.make(tensor.device, tensor.dtype, tensor.shape)
  const same = program({ name: 'copy', inputs: [tensor.dtype] }, (x) => x!)
  tensor.device.map(same, [tensor], [copy])
  return copy
}

/**
 * Our tensor on the memory of a TensorFlow.js one, without a copy. The memory lives until both are
 * disposed.
 *
 * @throws DeviceError when it is on another backend of TensorFlow.js than a connected one, DTypeError
 * for strings and complex numbers.
 */
export function fromTfjs(tensor: tf.Tensor): Tensor {
  const dtype = fromTfjsType[tensor.dtype]
  if (!dtype)
    throw new DTypeError(`fromTfjs: ${tensor.dtype} came; float32, int32 and bool can be shared`)
  // Data of its other backends moves to the current one, as for any of its ops.
  const link = linksOfTfjs.get(tf.backend())
  if (!link)
    throw new DeviceError(
      `fromTfjs: the backend of TensorFlow.js is ${tf.getBackend()}; await connectTfjs(device) first`,
    )
  const { device, backend } = link
  // A second tensor on the same data, which holds it as long as ours lives.
  const held = tf.keep(tf.engine().runKernel('Identity', { x: tensor }) as tf.Tensor)
  backend.uploadToGPU(held.dataId)
  submit(backend as unknown as Internals)
  const gpu = backend.tensorMap.get(held.dataId).resource as GPUBuffer
  const { shape } = tensor
  const buffer = device.adopt(gpu, 4 * sizeOf(shape), () => held.dispose())
  const layout = { dtype, shape, strides: contiguousStrides(shape), offset: 0 }
  return Tensor.from(layout, new Storage(device, buffer))
}
