/** What an optimizer keeps: its layout in a checkpoint, and the tensors of a parameter. */
import { ArgumentError, full, type Shape, showShape, Tensor } from '@nablajs/tensor'
import { demandReadable } from './readable.ts'
import type { Initial } from './transform.ts'

/** What is remembered of a parameter under one name; lists are what `LBFGS` keeps. */
export type StateValue = number | Tensor | readonly Tensor[] | readonly number[]

/** A checkpoint: PyTorch's layout and names, with tensors as values. */
export interface OptimizerState {
  /** For each parameter, by its number over all groups: the count of steps, numbers and tensors. */
  state: Record<string, { step?: number | Tensor } & Record<string, StateValue | undefined>>
  /** The options of each group (in snake_case) and the numbers of its parameters. */
  param_groups: Record<string, unknown>[]
}

/** A name as PyTorch would write it. */
export const snake = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** A number of a checkpoint; PyTorch stores some as tensors. */
export function plain(value: StateValue | undefined): number | undefined {
  if (value instanceof Tensor) {
    demandReadable('loadStateDict', [value], 'give counts as numbers, or load the state elsewhere')
    return value.itemSync()
  }
  return typeof value === 'number' ? value : undefined
}

/** Refuses tensors of a state that are not shaped as the own ones. */
export function demandShapes(name: string, given: readonly Tensor[], own: readonly Tensor[]): void {
  const shapes = (tensors: readonly Tensor[]): string =>
    tensors.map(({ shape }) => showShape(shape)).join(', ')
  if (shapes(given) !== shapes(own))
    throw new ArgumentError(
      `${name}: the state has shapes ${shapes(given)}; the parameters have ${shapes(own)}`,
    )
}

/** The shape of a slot that starts like this. */
export function slotShape(initial: Initial, parameter: Tensor): Shape {
  return typeof initial === 'object' ? initial.shape : parameter.shape
}

/** A slot as it starts. */
export function makeSlot(initial: Initial, parameter: Tensor): Tensor {
  if (initial === 'parameter') return parameter.detach().copy()
  const { device, dtype } = parameter
  const value = typeof initial === 'object' ? initial.value : initial
  return full(slotShape(initial, parameter), value, { dtype, device })
}
