/** Whether the GPU is one. */

/**
 * Whether WebGPU runs on the processor here (SwiftShader, llvmpipe): works have smaller sizes then, and
 * times tell of overheads, not of what a GPU reaches.
 */
export async function isSoftwareGpu(): Promise<boolean> {
  const adapter = await navigator.gpu?.requestAdapter()
  return adapter?.info.isFallbackAdapter ?? false
}
