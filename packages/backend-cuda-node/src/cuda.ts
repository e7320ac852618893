/** Opens an NVIDIA GPU as a device. */
import { ArgumentError } from '@nablajs/tensor/backend'
import { CudaBackend } from './backend.ts'
import { cacheFolder, DiskCache } from './cache.ts'
import { Compiler, RuntimeCompiler } from './compile.ts'
import { Context } from './context.ts'
import { Dnn } from './cudnn.ts'
import { Device } from './device.ts'
import { Blas } from './kernels/blas.ts'
import { BlasLt } from './kernels/blas-lt.ts'
import { locateLibraries } from './locate.ts'
import { Pool } from './pool.ts'
import { Staging } from './staging.ts'

export interface CudaOptions {
  /** Which GPU, as the driver counts them; 0. */
  readonly device?: number
  /** The most bytes to hold of the GPU's memory; as much as it gives. */
  readonly memoryLimit?: number
  /**
   * Whether matrix products and cuDNN's convolutions may round their operands to TF32 (10 bits of mantissa), which tensor
   * cores multiply several times as fast; false.
   */
  readonly allowTF32?: boolean
}

/**
 * Opens an NVIDIA GPU as a device, with the driver and the CUDA 12 or 13 libraries that are there:
 * nothing is built, bundled or downloaded. Kernels are compiled for the GPU when they are first used,
 * and kept in the user's cache folder.
 *
 * @throws ArgumentError for an option that is not there or out of range; DeviceError when the driver
 * or NVRTC is missing (it lists what was tried, and what would do) or there is no such GPU.
 *
 * @example
 * ```ts no-run
 * import { setDevice, tensor } from '@nablajs/tensor'
 * import { cuda } from '@nablajs/backend-cuda-node'
 *
 * setDevice(await cuda())
 * console.log(tensor([1, 2, 3]).exp().toString())
 * ```
 */
export async function cuda(options: CudaOptions = {}): Promise<CudaBackend> {
  const {
    device = 0,
    memoryLimit = Number.POSITIVE_INFINITY,
    allowTF32 = false,
    ...unknown
  } = options
  for (const name of Object.keys(unknown))
    throw new ArgumentError(
      `cuda: there is no option ${name}; there are device, memoryLimit and allowTF32`,
    )
  if (!(Number.isInteger(device) && device >= 0))
    throw new ArgumentError(`cuda: device is ${device}; it must be 0 or a whole number above`)
  if (!(memoryLimit >= 0))
    throw new ArgumentError(`cuda: memoryLimit is ${memoryLimit}; it must be a number of bytes`)
  if (typeof allowTF32 !== 'boolean')
    throw new ArgumentError(`cuda: allowTF32 is ${allowTF32}; it must be true or false`)

  const { env } = process
  const libraries = locateLibraries(env)
  const context = new Context(libraries.driver, device)
  try {
    const { nvrtc, nvrtcVersion, paths } = libraries
    const runtime = new RuntimeCompiler(nvrtc, nvrtcVersion, paths.nvrtc!, context.architecture)
    const disk = new DiskCache(cacheFolder(env))
    const compiler = new Compiler(context, runtime, disk, env['NABLA_CUDA_SOURCES'])
    const pool = new Pool(context, { limit: memoryLimit, reuse: !env['NABLA_CUDA_NO_POOL'] })
    const blas = libraries.cublas && new Blas(libraries.cublas, context, pool, allowTF32)
    const lt = libraries.cublasLt && new BlasLt(libraries.cublasLt, context, pool, allowTF32)
    const gpu = new Device(context, pool, compiler)
    const dnn = libraries.cudnn && new Dnn(libraries.cudnn, gpu, allowTF32)
    return new CudaBackend(gpu, new Staging(context), { blas, lt, dnn })
  } catch (error) {
    context.dispose()
    throw error
  }
}
