/** Writing views: copies and constants. */
import type { Backend, View } from '../backend.ts'
import { program } from '../program/program.ts'
import { constant } from '../program/scalar.ts'

/** Copies one view into another; the device's `map` with the identity. */
export function copyInto(device: Backend, from: View, to: View): void {
  const { dtype } = from
  device.map(
    program({ name: 'copy', inputs: [dtype] }, (x) => x!),
    [from],
    [to],
  )
}

/** Copies one view into another of another dtype. */
export function convertInto(device: Backend, from: View, to: View): void {
  device.map(
    program({ name: 'cast', inputs: [from.dtype] }, (x) => x!.cast(to.dtype)),
    [from],
    [to],
  )
}

/** Fills a view with one value. */
export function fillInto(device: Backend, to: View, value: number): void {
  device.map(
    program({ name: 'fill', inputs: [] }, () => constant(value, to.dtype)),
    [],
    [to],
  )
}
