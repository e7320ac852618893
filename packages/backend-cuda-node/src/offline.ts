/** Compilation without a GPU, for tests and tools. */
import { DeviceError } from '@nablajs/tensor/backend'
import { nvrtcApi } from './api/index.ts'
import { RuntimeCompiler } from './compile.ts'
import { bind, type Environment, openLibrary } from './libraries.ts'
import { nvrtcVersionOf } from './locate.ts'

/**
 * Compiles CUDA C for a compute capability with the NVRTC at hand, as the device does; needs neither
 * a driver nor a GPU.
 *
 * @param architecture The compute capability times ten: 90 for 9.0.
 * @param name What the source is called in messages.
 * @returns The machine code (a CUBIN), or PTX for a GPU of a newer generation than NVRTC.
 * @throws DeviceError when there is no NVRTC, or it does not know the architecture, or with its log
 * when the source does not compile.
 */
export function compileFor(
  architecture: number,
  source: string,
  name: string,
  env: Environment = process.env,
): Uint8Array {
  const { found, tried } = openLibrary('nvrtc', env)
  if (!found) throw new DeviceError(`cuda: there is no NVRTC; tried ${tried.join('; ')}`)
  const version = nvrtcVersionOf(found)
  const compiler = new RuntimeCompiler(bind(found, nvrtcApi), version, found.path, architecture)
  return compiler.compile(source, name)
}
