/** A runtime without a GPU that keeps what it is asked to run. */
import type { DeviceBuffer } from '@nablajs/tensor/backend'
import type { Dispatch, Runtime } from '../src/index.ts'
import type { Features } from '../src/runtime/kernel.ts'

export interface Recording extends Runtime {
  readonly calls: Dispatch[]
}

/** @param features What it is said to have beside the least. */
export function recording(features: Partial<Features> = {}): Recording {
  const calls: Dispatch[] = []
  const large = 2 ** 30
  return {
    calls,
    features: {
      subgroups: false,
      subgroupMinSize: 0,
      subgroupMaxSize: 0,
      f16: false,
      software: false,
      ...features,
    },
    // The smallest that a device may have.
    limits: {
      maxStorageBuffersPerShaderStage: 8,
      maxStorageBufferBindingSize: large,
      maxBufferSize: large,
      maxUniformBufferBindingSize: 65536,
      maxComputeWorkgroupsPerDimension: 65535,
      maxComputeInvocationsPerWorkgroup: 256,
      maxComputeWorkgroupSizeX: 256,
      maxComputeWorkgroupSizeY: 256,
      maxComputeWorkgroupSizeZ: 64,
      maxComputeWorkgroupStorageSize: 16384,
    },
    dispatch(call) {
      calls.push({ ...call, params: call.params.slice() })
    },
    scratch: (bytes): DeviceBuffer => ({ bytes }),
    release() {},
  }
}
