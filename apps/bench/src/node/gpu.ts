/** WebGPU for everybody in Node: Dawn as `navigator.gpu`, where libraries written for pages look for it. */
import { create, globals } from 'webgpu'
import { isSoftwareGpu } from '../gpu/adapter.ts'

export interface InstalledGpu {
  /** Whether it is the processor that does the work. */
  readonly software: boolean
  /** Ends all devices and takes the GPU away; without it the process would not end. */
  close(): void
}

const offer = (options: string[]): void => {
  Object.defineProperty(navigator, 'gpu', { value: create(options), configurable: true })
}

/** Installs Dawn as `navigator.gpu`. All contenders take devices of the same GPU from it. */
export async function installGpu(): Promise<InstalledGpu> {
  Object.assign(globalThis, globals)
  offer([])
  const software = await isSoftwareGpu()
  // A software driver takes longer to clear workgroup memory than for the kernels, and none count on it.
  if (software) offer(['enable-dawn-features=disable_workgroup_init'])
  const devices = new Set<GPUDevice>()
  const { requestDevice } = GPUAdapter.prototype
  GPUAdapter.prototype.requestDevice = async function (this: GPUAdapter, descriptor) {
    const device = await requestDevice.call(this, descriptor)
    devices.add(device)
    return device
  }
  return {
    software,
    close() {
      for (const device of devices) device.destroy()
      GPUAdapter.prototype.requestDevice = requestDevice
      Reflect.deleteProperty(navigator, 'gpu')
    },
  }
}
