/**
 * A CUDA driver, NVRTC, cuBLAS and cuDNN without a GPU: one shared library, built by g++ when it is first
 * asked for, that `@nablajs/backend-cuda-node` opens in the place of NVIDIA's.
 *
 * @packageDocumentation
 */
import { build, defaultCache } from './build.ts'
import { type Controls, controlsOf } from './controls.ts'

export type { Controls, ThreadOrder } from './controls.ts'
export { prototypes } from './prototypes.ts'

/** How the emulator is made. */
export interface EmulatorOptions {
  /** Where the library and compiled kernels are kept; a folder of this user under the system's temporary one. */
  readonly cache?: string
  /** The C++17 compiler; `g++`. */
  readonly compiler?: string
}

/** The emulator, ready to be opened. */
export interface Emulator {
  readonly missing?: undefined
  /** The path of the shared library. */
  readonly library: string
  /**
   * The environment variables that make the backend open it, and keep its results apart from those
   * of a real GPU. In strict mode they also turn the backend's memory pool off, so that every
   * buffer has guard pages of its own.
   */
  readonly environment: Readonly<Record<string, string>>
  /** Loads the library into this process, and gives what tests control of it. */
  controls(): Controls
}

/** Why there is no emulator here: tests that need it skip, and say so. */
export interface NoEmulator {
  readonly missing: string
}

/**
 * Builds the emulator if it is not there yet.
 *
 * @throws TypeError for an option that is not there; Error with the compiler's output when the
 * emulator itself does not compile.
 *
 * @example
 * ```ts no-run
 * import { emulator } from '@nablajs/cuda-emulator'
 *
 * const found = emulator()
 * if (found.missing !== undefined) console.log(`skipped: ${found.missing}`)
 * else Object.assign(process.env, found.environment) // before the backend is opened
 * ```
 */
export function emulator(options: EmulatorOptions = {}): Emulator | NoEmulator {
  const { cache = defaultCache(), compiler = 'g++', ...unknown } = options
  for (const name of Object.keys(unknown))
    throw new TypeError(`cuda-emulator: there is no option ${name}; there are cache and compiler`)
  const built = build({ cache, compiler })
  if ('missing' in built) return built
  const { library } = built
  const strict = process.env['NABLA_CUDA_EMU_STRICT'] === '1'
  return {
    library,
    environment: {
      NABLA_CUDA_DRIVER: library,
      NABLA_CUDA_NVRTC: library,
      NABLA_CUDA_CUBLAS: library,
      NABLA_CUDA_CUDNN: library,
      NABLA_CUDA_CACHE: 'off',
      ...(strict ? { NABLA_CUDA_NO_POOL: '1' } : {}),
    },
    controls: () => controlsOf(library),
  }
}
