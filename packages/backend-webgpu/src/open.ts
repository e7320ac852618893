/** Finding a GPU: in browsers `navigator.gpu`, in Node the package `webgpu`. */
import { ArgumentError, DeviceError } from '@nablajs/tensor/backend'
import { WebGpuBackend } from './backend.ts'
import { featuresOf } from './runtime/features.ts'

export interface WebGpuOptions {
  /**
   * A device that exists already, to share it with other code; it stays when the backend is disposed.
   * The features and limits it was made with count.
   */
  readonly device?: GPUDevice
  /** Which GPU to take where there are several; the system's choice. */
  readonly powerPreference?: 'low-power' | 'high-performance'
  /** Features that the device must have, beside those that are taken where they are offered. */
  readonly features?: readonly GPUFeatureName[]
  /** The most bytes that all buffers together may take; as much as the GPU has. */
  readonly memoryLimit?: number
  /** The most bytes of freed buffers to keep for later; 256 MiB. */
  readonly poolLimit?: number
}

const optionNames = 'device, powerPreference, features, memoryLimit and poolLimit'

/** What kernels and measurements make use of. */
const wanted: readonly GPUFeatureName[] = ['shader-f16', 'subgroups', 'timestamp-query']

function checkBytes(name: string, value: number): void {
  if (!(value >= 0))
    throw new ArgumentError(`webgpu: ${name} is ${value}; it must be a number of bytes`)
}

/**
 * Opens a GPU as a device: in browsers with WebGPU, and in Node with the package `webgpu`.
 *
 * Work is recorded and runs later; `await data()` on a tensor waits for it. Errors of the GPU come with
 * the next read or `sync`, with the name of the op. A device that is lost (a reset driver, a computer
 * that slept) makes every call a `DeviceError`; make a new one and load the model from its last copy
 * on the host.
 *
 * @throws ArgumentError for an option that is not there or out of range; DeviceError when there is no
 * WebGPU, no GPU, or not the features asked for.
 *
 * @example
 * ```ts
 * import { setDevice, tensor } from '@nablajs/tensor'
 * import { webgpu } from '@nablajs/backend-webgpu'
 *
 * setDevice(await webgpu())
 * console.log(await tensor([1, 2, 3]).exp().data())
 * ```
 */
export async function webgpu(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
  const {
    device,
    powerPreference,
    features = [],
    memoryLimit = Number.POSITIVE_INFINITY,
    poolLimit = 2 ** 28,
    ...unknown
  } = options
  for (const name of Object.keys(unknown))
    throw new ArgumentError(`webgpu: there is no option ${name}; there are ${optionNames}`)
  checkBytes('memoryLimit', memoryLimit)
  checkBytes('poolLimit', poolLimit)
  if (powerPreference && !['low-power', 'high-performance'].includes(powerPreference))
    throw new ArgumentError(
      `webgpu: powerPreference is ${powerPreference}; it is 'low-power' or 'high-performance'`,
    )
  if (device) {
    const missing = features.filter((name) => !device.features.has(name))
    if (missing.length > 0)
      throw new DeviceError(`webgpu: the device given has no ${missing.join(', ')}`)
    const found = await featuresOf(device)
    return new WebGpuBackend({ device, features: found, owned: false, memoryLimit, poolLimit })
  }
  const gpu = await findGpu()
  const adapter = await gpu.requestAdapter(powerPreference ? { powerPreference } : {})
  if (!adapter)
    throw new DeviceError(
      'webgpu: there is no GPU that WebGPU can use (no adapter). In browsers see about:gpu; on Linux ' +
        'Node needs libvulkan1 and a Vulkan driver',
    )
  const missing = features.filter((name) => !adapter.features.has(name))
  if (missing.length > 0)
    throw new DeviceError(
      `webgpu: the GPU has no ${missing.join(', ')}; it has ${[...adapter.features].join(', ')}`,
    )
  const requiredFeatures = new Set([
    ...features,
    ...wanted.filter((name) => adapter.features.has(name)),
  ])
  const made = await adapter.requestDevice({
    requiredFeatures: [...requiredFeatures],
    requiredLimits: limitsOf(adapter.limits),
  })
  const found = await featuresOf(made)
  return new WebGpuBackend({
    ...{ device: made, features: found, gpu, owned: true, memoryLimit, poolLimit },
  })
}

/** All limits of the adapter: the defaults of WebGPU are those of small phones. */
function limitsOf(limits: GPUSupportedLimits): Record<string, number> {
  const all: Record<string, number> = {}
  // The limits are getters of the prototype.
  for (const name in limits) {
    const value: unknown = limits[name as keyof GPUSupportedLimits]
    if (typeof value === 'number') all[name] = value
  }
  return all
}

async function findGpu(): Promise<GPU> {
  const own = (globalThis as { navigator?: Partial<Navigator> }).navigator?.gpu
  if (own) return own
  if (!(globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node)
    throw new DeviceError(
      'webgpu: this browser has no WebGPU here (navigator.gpu); it needs a secure page (https or ' +
        'localhost) and Chrome 113, Safari 26, Firefox 141 or later',
    )
  let dawn: { create(options: string[]): GPU }
  try {
    // Not a literal: bundlers for the browser must not follow it.
    const name = 'webgpu'
    dawn = await import(/* @vite-ignore */ /* webpackIgnore: true */ name)
  } catch (error) {
    throw new DeviceError(
      'webgpu: Node needs the package `webgpu`, which brings Dawn: npm install webgpu ' +
        `(importing it failed: ${error instanceof Error ? error.message.split('\n')[0] : error})`,
    )
  }
  return dawn.create([])
}
