/** koffi, loaded at first use: importing this package works where its binary does not. */
import { createRequire } from 'node:module'
import { DeviceError } from '@nablajs/tensor/backend'
import type Koffi from 'koffi'

let loaded: typeof Koffi | undefined

/** The foreign function interface; a DeviceError where there is none for this system. */
export function ffi(): typeof Koffi {
  try {
    loaded ??= createRequire(import.meta.url)('koffi') as typeof Koffi
  } catch (error) {
    throw new DeviceError(
      `cuda: koffi, which calls C functions, does not load on ${process.platform} ` +
        `${process.arch} (${(error as Error).message}); use @nablajs/backend-cpu`,
    )
  }
  return loaded
}
