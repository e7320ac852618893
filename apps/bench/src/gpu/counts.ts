/**
 * What a run asks of the GPU, counted at the WebGPU interface itself: the same yardstick for every library.
 * Only the counted run pays for it; timed runs are as they are.
 */

/** The calls and bytes of one run. */
export interface GpuCounts {
  /** Kernels started. */
  readonly dispatches: number
  /** Calls that submitted command buffers. */
  readonly submissions: number
  /** Bytes that the host wrote into buffers, parameters of kernels included. */
  readonly uploadedBytes: number
  /** Bytes of the buffers made; none once a library uses its buffers again. */
  readonly allocatedBytes: number
}

/** Calls `before` ahead of each call of a method, until it is put back by the function returned. */
function watch<T extends object>(
  prototype: T,
  method: keyof T & string,
  before: (args: readonly unknown[]) => void,
): () => void {
  const original = prototype[method] as (...args: unknown[]) => unknown
  const watching = function (this: T, ...args: unknown[]): unknown {
    before(args)
    return original.apply(this, args)
  }
  Object.defineProperty(prototype, method, { value: watching, configurable: true, writable: true })
  return () => {
    Object.defineProperty(prototype, method, {
      value: original,
      configurable: true,
      writable: true,
    })
  }
}

/** The bytes that a call of `writeBuffer(buffer, at, data, from, size)` writes. */
export function writtenBytes([, , data, from = 0, size]: readonly unknown[]): number {
  const { byteLength, BYTES_PER_ELEMENT = 1 } = data as ArrayBufferView & {
    BYTES_PER_ELEMENT?: number
  }
  // Offsets and sizes are in elements of a typed array, and in bytes of anything else.
  return BYTES_PER_ELEMENT * ((size as number) ?? byteLength / BYTES_PER_ELEMENT - (from as number))
}

/** Counts what `run` asks of the GPUs of this process or page, until it is done. */
export async function countGpu(run: () => unknown): Promise<GpuCounts> {
  const counts = { dispatches: 0, submissions: 0, uploadedBytes: 0, allocatedBytes: 0 }
  const dispatched = (): void => {
    counts.dispatches++
  }
  const undo = [
    watch(GPUComputePassEncoder.prototype, 'dispatchWorkgroups', dispatched),
    watch(GPUComputePassEncoder.prototype, 'dispatchWorkgroupsIndirect', dispatched),
    watch(GPUQueue.prototype, 'submit', () => {
      counts.submissions++
    }),
    watch(GPUQueue.prototype, 'writeBuffer', (args) => {
      counts.uploadedBytes += writtenBytes(args)
    }),
    watch(GPUDevice.prototype, 'createBuffer', ([descriptor]) => {
      const { size, mappedAtCreation } = descriptor as GPUBufferDescriptor
      counts.allocatedBytes += size
      // A buffer that begins mapped is made to be written to by the host.
      if (mappedAtCreation) counts.uploadedBytes += size
    }),
  ]
  try {
    await run()
  } finally {
    for (const back of undo) back()
  }
  return counts
}
