/** Whether there is a GPU to test WebGPU on. */
import { webgpu } from '@nablajs/backend-webgpu'

/** Why no WebGPU device can be opened here, or undefined. */
export async function webgpuMissing(): Promise<string | undefined> {
  try {
    ;(await webgpu()).dispose()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
