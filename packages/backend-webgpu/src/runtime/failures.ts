/**
 * What went wrong on the device, until somebody waits for it. WebGPU reports nothing where it
 * happens: a wrong shader or a full memory becomes an error later, out of any call. Each part of
 * the runtime that can cause one opens an error scope with the name of its op, and the next read or
 * sync throws what the scopes have found.
 */
import { DeviceError } from '@nablajs/tensor/backend'
import type { Waiting } from './waiting.ts'

const filters: readonly GPUErrorFilter[] = ['validation', 'out-of-memory', 'internal']

export class Failures {
  readonly #device: GPUDevice
  readonly #waiting: Waiting
  readonly #open: Set<Promise<void>> = new Set()
  #found: DeviceError[] = []
  #lost: string | undefined
  #count = 0

  constructor(device: GPUDevice, waiting: Waiting, isDisposed: () => boolean) {
    this.#device = device
    this.#waiting = waiting
    // What no scope has caught: errors of the caller's own use of the device, for one.
    device.addEventListener('uncapturederror', (event) =>
      this.#add('webgpu', (event as GPUUncapturedErrorEvent).error.message),
    )
    device.lost.then(({ reason, message }) => {
      if (!isDisposed()) this.#lost = [reason, message].filter(Boolean).join(': ')
    })
  }

  /** How many errors the device has reported so far. */
  get count(): number {
    return this.#count
  }

  /** Why the device is lost, or undefined. */
  get lost(): string | undefined {
    return this.#lost
  }

  /** Throws if the device is lost. */
  checkLost(what: string): void {
    if (this.#lost !== undefined) throw this.lostError(what)
  }

  lostError(what: string): DeviceError {
    return new DeviceError(
      `${what}: the webgpu device was lost (${this.#lost}); make a new one with webgpu() and load ` +
        'the model from its last copy on the host',
    )
  }

  /** Runs `body`; errors that the device reports about it carry the name `what`. */
  watch<T>(what: string, body: () => T): T {
    for (const filter of filters) this.#device.pushErrorScope(filter)
    try {
      return body()
    } finally {
      for (const _ of filters) this.#pop(what)
    }
  }

  /** Waits until everything done so far is known to be right; throws the first thing that was not. */
  async settle(what: string): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open)
    this.checkLost(what)
    const [first, ...more] = this.#found
    this.#found = []
    if (first) {
      if (more.length > 0) first.message += ` (and ${more.length} more errors)`
      throw first
    }
  }

  #pop(what: string): void {
    const done: Promise<void> = this.#waiting
      .for(() => this.#device.popErrorScope())
      .then(
        (error) => {
          if (error) this.#add(what, error.message)
        },
        // The scopes of a lost device end with nothing, or not at all.
        () => {},
      )
      .finally(() => this.#open.delete(done))
    this.#open.add(done)
  }

  #add(what: string, message: string): void {
    this.#count++
    this.#found.push(new DeviceError(`${what}: the webgpu device says: ${message}`))
  }
}
