/** Chooses the libraries on which the CUDA backend is tested: the emulator's, or a real GPU's. */
import { describe as describeCuda } from '@nablajs/backend-cuda-node'
import { type Controls, emulator } from '@nablajs/cuda-emulator'

/** `NABLA_TEST_GPU=1` asks for a real GPU, which the emulator must not stand in for. */
const wantsGpu = process.env['NABLA_TEST_GPU'] === '1'

/** What the tests run on. */
export interface Emulated {
  /** Why they cannot run, in words. */
  readonly missing: string | undefined
  /** What can be told to the emulator; undefined on a real GPU. */
  readonly controls: Controls | undefined
}

/** Sets the environment variables of this process, and loads the libraries. */
export function emulated(): Emulated {
  if (wantsGpu) {
    const { problem } = describeCuda()
    if (problem !== undefined) throw new Error(problem)
    return { missing: undefined, controls: undefined }
  }
  const found = emulator()
  if (found.missing !== undefined) return { missing: found.missing, controls: undefined }
  Object.assign(process.env, found.environment)
  return { missing: undefined, controls: found.controls() }
}

/** For the title of a test that tells the emulator what to be: why it does not run, if so. */
export const emulatorAlone = ({ missing, controls }: Emulated): string =>
  controls ? '' : because(missing ?? 'it is for the emulator')

/** For a title: the reason of a skip. */
export const because = (missing: string | undefined): string => (missing ? ` (${missing})` : '')
