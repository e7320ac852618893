/** The default device. A device is a {@link Backend} that somebody made; nothing is registered on import. */
import type { Backend } from './backend.ts'
import { DeviceError } from './errors.ts'

let device: Backend | undefined

/**
 * Sets the device on which tensors are made when none is named.
 *
 * @example
 * ```ts
 * import { cpu } from '@nablajs/backend-cpu'
 * setDevice(await cpu())
 * ```
 */
export function setDevice(backend: Backend | undefined): void {
  device = backend
}

/** The default device; a {@link DeviceError} when none has been set. */
export function getDevice(): Backend {
  if (!device)
    throw new DeviceError(
      'no device is set: call setDevice(await cpu()) with @nablajs/backend-cpu, ' +
        'or setDevice(reference()) for the float64 reference, or pass { device }',
    )
  return device
}

/** Runs `body` with another default device. */
export function withDevice<T>(backend: Backend, body: () => T): T {
  const before = device
  device = backend
  try {
    return body()
  } finally {
    device = before
  }
}
