/** Steps that a device records to run them again, as `capture` of the cuda device does. */
import { ArgumentError, type Backend, type Tensor } from '@nablajs/tensor'

/** Has a function called before each replay. */
export type OnReplay = NonNullable<Backend['onReplay']>

/** Where the device of some tensors records, what has functions called before each replay. */
export function onReplayOf(tensors: Iterable<Tensor>): OnReplay | undefined {
  for (const { device } of tensors) if (device.onReplay) return device.onReplay
  return undefined
}

/**
 * Refuses what decides on the host, and would be frozen in a recorded step.
 *
 * @param why What it is that cannot be recorded.
 * @throws ArgumentError while the device of one of the tensors records.
 */
export function refuseRecording(name: string, tensors: Iterable<Tensor>, why: string): void {
  if (onReplayOf(tensors)) throw new ArgumentError(`${name}: ${why}, so it cannot be captured`)
}
