/** Runs calls of a backend on plain numbers, and reads all of the memory back. */
import type { Backend } from '@nablajs/tensor'
import {
  contiguousStrides,
  type DeviceBuffer,
  type DType,
  stored,
  type TypedArray,
  type View,
  viewAs,
} from '@nablajs/tensor/backend'

/** Values and how they are laid out; dense by default. */
export interface Operand {
  readonly dtype: DType
  readonly values: readonly number[]
  readonly shape?: readonly number[]
  readonly strides?: readonly number[]
  readonly offset?: number
}

interface Placed {
  readonly view: View
  readonly buffer: DeviceBuffer
}

function place(device: Backend, operand: Operand): Placed {
  const { dtype, values, shape = [values.length], offset = 0 } = operand
  const data = stored(dtype, values)
  const buffer = device.alloc(data.byteLength)
  device.write(buffer, data)
  const strides = operand.strides ?? contiguousStrides(shape)
  return { buffer, view: { buffer, dtype, shape, strides, offset } }
}

export type Run = (device: Backend, inputs: readonly View[], outputs: readonly View[]) => void

/** The whole memory of the outputs after `run` on one device. */
export async function execute(
  device: Backend,
  inputs: readonly Operand[],
  outputs: readonly Operand[],
  run: Run,
): Promise<TypedArray[]> {
  const from = inputs.map((operand) => place(device, operand))
  const to = outputs.map((operand) => place(device, operand))
  const views = (placed: readonly Placed[]) => placed.map(({ view }) => view)
  run(device, views(from), views(to))
  const results: TypedArray[] = []
  for (const { buffer, view } of to) results.push(viewAs(view.dtype, await device.read(buffer)))
  for (const { buffer } of [...from, ...to]) device.free(buffer)
  return results
}
