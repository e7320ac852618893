/**
 * Weights that are computed from others before every call. The parameter `name` of a module gives
 * way to the tensors that it is made of, and is there while `forward` runs.
 */
import { ArgumentError, Tensor } from '@nablajs/tensor'
import type { Module } from '../module.ts'
import type { AnyModule } from '../tree.ts'

/** A module as its fields, which are found by name here. */
type Fields = Record<string, Tensor | undefined>

/** The parameter of a module that has this name. */
export function parameterOf(op: string, module: AnyModule, name: string): Tensor {
  const found = (module as unknown as Fields)[name]
  if (!(found instanceof Tensor))
    throw new ArgumentError(`${op}: ${module} has no parameter "${name}"`)
  return found
}

/** The axis here that is axis `dim` of PyTorch's layout of the tensor. */
export function axisFromTorch(op: string, module: AnyModule, name: string, dim: number): number {
  const { rank } = parameterOf(op, module, name)
  const own = dim < 0 ? dim + rank : dim
  if (!Number.isInteger(own) || own < 0 || own >= rank)
    throw new ArgumentError(`${op}: dim is ${dim}; "${name}" has ${rank} axes`)
  return module.torchAxes(name)?.[own] ?? own
}

/**
 * Puts `parts` in the place of the parameter `name`; `compute` makes it from them before each call.
 * `sameLayout` names the parts that lie as the parameter did.
 */
export function parametrize<M extends AnyModule>(
  module: M,
  name: string,
  parts: Readonly<Record<string, Tensor>>,
  sameLayout: readonly string[],
  compute: () => Tensor,
): M {
  const fields = module as unknown as Fields
  const axesOf = module.torchAxes.bind(module)
  fields[name] = undefined
  Object.assign(module, parts)
  module.torchAxes = (entry) => axesOf(sameLayout.includes(entry) ? name : entry)
  // Hooks that look at nothing fit modules of all inputs and outputs.
  const hooked = module as unknown as Module
  hooked.registerForwardPreHook(() => {
    fields[name] = compute()
    return undefined
  })
  // The computed weight belongs to the call: its memory goes with the call's scope.
  hooked.registerForwardHook(() => {
    fields[name] = undefined
    return undefined
  })
  return module
}
